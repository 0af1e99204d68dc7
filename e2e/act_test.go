package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// What a wait says that did not come to its end.
var (
	errStillThere = errors.New("it is still there")
	errNotYet     = errors.New("not yet")
)

// until waits until ok returns nil. Pages come and go meanwhile, so its errors are only said
// in the end.
func (p *page) until(what string, ok func() error) {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.ctx.Done():
			p.t.Fatalf("%s: %s: %v", p.name, what, p.ctx.Err())
		case <-deadline.C:
			p.t.Fatalf("%s: waited %v in vain: %s: %v", p.name, patience, what, err)
		}
	}
}

// act does something to the one thing that the target names, once it is there.
func (p *page) act(verb string, t target, do func(runtime.RemoteObjectID) error) {
	p.t.Helper()
	p.until(verb+" "+t.String(), func() error {
		object, err := p.one(t)
		if err != nil {
			return err
		}
		return do(object)
	})
}

// see waits for a thing.
func (p *page) see(t target) {
	p.t.Helper()
	p.act("see", t, func(runtime.RemoteObjectID) error { return nil })
}

// gone waits until there is no such thing.
func (p *page) gone(t target) {
	p.t.Helper()
	p.until("no "+t.String(), func() error {
		found, err := p.all(t)
		if err == nil && len(found) > 0 {
			return fmt.Errorf("there are %d", len(found))
		}
		return err
	})
}

// absent fails when there is such a thing now. See something else of the page before.
func (p *page) absent(t target) {
	p.t.Helper()
	found, err := p.all(t)
	p.must("look for "+t.String(), err)
	if len(found) > 0 {
		p.t.Errorf("%s: there is %v, and should not be", p.name, t)
	}
}

// where is a point of an element that a click would reach.
const where = `function() {
	this.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' });
	const box = (this.matches('input[type=checkbox].sr') ? this.closest('label') : this).getClientRects()[0];
	if (!box) throw new Error('it is not shown');
	const x = box.x + box.width / 2, y = box.y + box.height / 2, hit = document.elementFromPoint(x, y);
	if (!hit || !(this.contains(hit) || hit.closest('label')?.contains(this)))
		throw new Error('it is covered by ' + (hit ? hit.outerHTML.slice(0, 120) : 'nothing'));
	if (this.disabled) throw new Error('it is disabled');
	return [x, y];
}`

func (p *page) click(t target) {
	p.t.Helper()
	p.act("click", t, func(object runtime.RemoteObjectID) error {
		at, err := call[[2]float64](p, object, where)
		if err != nil {
			return err
		}
		for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			_, err := chromedp.Call(p.ctx, input.DispatchMouseEvent, input.DispatchMouseEventParams{
				Type: kind, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1,
			})
			if err != nil {
				p.t.Fatalf("%s: click %v: %v", p.name, t, err) // never a second click
			}
		}
		return nil
	})
}

// fill types a text in place of what is in a field.
func (p *page) fill(t target, text string) {
	p.t.Helper()
	p.act("fill", t, func(object runtime.RemoteObjectID) error {
		typed, err := call[bool](p, object, `function(text) {
			if (this.disabled || this.readOnly) throw new Error('it takes no text');
			this.focus();
			if (this.type !== 'date') { this.select(); return true }
			this.value = text;
			for (const type of ['input', 'change']) this.dispatchEvent(new Event(type, { bubbles: true }));
			return false;
		}`, text)
		if err != nil || !typed {
			return err
		}
		_, err = chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// choose picks an option of a list by its text, or by how it begins.
func (p *page) choose(t target, option string) {
	p.t.Helper()
	p.act("choose "+option+" in", t, func(object runtime.RemoteObjectID) error {
		_, err := call[any](p, object, `function(text) {
			const option = [...this.options].find(o => o.text.startsWith(text));
			if (!option) throw new Error('there is no such option');
			this.value = option.value;
			for (const type of ['input', 'change']) this.dispatchEvent(new Event(type, { bubbles: true }));
		}`, option)
		return err
	})
}

var keys = map[string]string{"Enter": kb.Enter, "Escape": kb.Escape, "Tab": kb.Tab, "ArrowDown": kb.ArrowDown, "ArrowUp": kb.ArrowUp}

// press presses keys one after the other: characters, or names such as "Enter", "Control+Enter" and "Alt+ArrowUp".
func (p *page) press(names ...string) {
	p.t.Helper()
	for _, name := range names {
		var options []chromedp.KeyOption
		if rest, ok := strings.CutPrefix(name, "Control+"); ok {
			name, options = rest, append(options, chromedp.KeyModifiers(kb.ModifierCtrl))
		} else if rest, ok := strings.CutPrefix(name, "Alt+"); ok {
			name, options = rest, append(options, chromedp.KeyModifiers(kb.ModifierAlt))
		}
		key := name
		if k, ok := keys[name]; ok {
			key = k
		}
		p.must("press "+name, p.pressKey([]rune(key)[0], options...))
	}
}

// pressKey presses a key as a keyboard does: its letter comes with the key, so that a page that
// takes the key for itself keeps the letter from having its effect. KeyEvent sends it apart.
func (p *page) pressKey(key rune, options ...chromedp.KeyOption) error {
	events := kb.Encode(key)
	var text string
	for _, event := range events {
		text += event.Text
	}
	for _, event := range events {
		for _, option := range options {
			option(event)
		}
		switch {
		case event.Type == kb.KeyChar:
			continue
		case event.Type == kb.KeyDown && len(options) == 0:
			event.Text = text
		}
		if _, err := chromedp.Call(p.ctx, input.DispatchKeyEvent, *event); err != nil {
			return err
		}
	}
	return nil
}

// typed types a text with the keyboard, wherever the focus is.
func (p *page) typed(text string) {
	p.t.Helper()
	p.must("type", chromedp.Do(p.ctx, chromedp.KeyEvent(text)))
}

// focused waits until the thing has the focus.
func (p *page) focused(t target) {
	p.t.Helper()
	p.act("focus on", t, func(object runtime.RemoteObjectID) error {
		has, err := call[bool](p, object, "function() { return document.activeElement === this }")
		if err == nil && !has {
			err = errors.New("the focus is on " + eval[string](p, "document.activeElement?.outerHTML.slice(0, 120) ?? ''"))
		}
		return err
	})
}

// value waits until a field holds a value.
func (p *page) value(t target, want string) {
	p.t.Helper()
	p.act("value of", t, func(object runtime.RemoteObjectID) error {
		got, err := call[string](p, object, "function() { return this.value }")
		if err == nil && got != want {
			err = fmt.Errorf("it is %q, not %q", got, want)
		}
		return err
	})
}

// valueOf is what a field holds now.
func (p *page) valueOf(t target) (value string) {
	p.t.Helper()
	p.act("value of", t, func(object runtime.RemoteObjectID) (err error) {
		value, err = call[string](p, object, "function() { return this.value }")
		return err
	})
	return value
}

// described waits until the description of a thing, such as the error of a field, contains a text.
func (p *page) described(t target, want string) {
	p.t.Helper()
	p.act("description of", t, func(object runtime.RemoteObjectID) error {
		got, err := call[string](p, object, `function() {
			return (this.getAttribute('aria-describedby') ?? '').split(' ').map(id => document.getElementById(id)?.innerText ?? '').join(' ').trim();
		}`)
		if err == nil && !strings.Contains(got, want) {
			err = fmt.Errorf("it is %q, without %q", got, want)
		}
		return err
	})
}

// status waits until the page says a word as its status.
func (p *page) status(want string) {
	p.t.Helper()
	p.until("status "+want, func() error {
		texts, err := p.texts("status")
		if err == nil && !slices.Contains(texts, want) {
			err = fmt.Errorf("the page says %q", texts)
		}
		return err
	})
}

// says waits until the page shows a text, wherever.
func (p *page) says(text string) {
	p.t.Helper()
	p.until("text "+text, func() error {
		if shown := p.shown(); !strings.Contains(shown, text) {
			return fmt.Errorf("the page says:\n%s", shown)
		}
		return nil
	})
}

// silent fails when the page shows a text now.
func (p *page) silent(text string) {
	p.t.Helper()
	if strings.Contains(p.shown(), text) {
		p.t.Errorf("%s: the page says %q, and should not", p.name, text)
	}
}

// shown is all text that a person sees.
func (p *page) shown() string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body?.innerText ?? ''"))
	if err != nil {
		return err.Error()
	}
	return text
}

// reaches waits until the page is at an address that begins with this one; a path is one of Trak's.
func (p *page) reaches(address string) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.site.url + address
	}
	p.until("at "+address, func() error {
		now, err := chromedp.Run(p.ctx, chromedp.Location())
		if err == nil && !strings.HasPrefix(now, address) {
			err = errors.New("it is " + now)
		}
		return err
	})
}

// address is where the page is now.
func (p *page) address() string {
	p.t.Helper()
	address, err := chromedp.Run(p.ctx, chromedp.Location())
	p.must("read the address", err)
	return address
}

// holds waits for a condition in JavaScript.
func (p *page) holds(what, condition string) {
	p.t.Helper()
	p.until(what, func() error {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](condition, chromedp.EvalAwaitPromise))
		if err == nil && !ok {
			err = errors.New("not so")
		}
		return err
	})
}
