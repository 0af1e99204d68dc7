package app_test

import (
	"context"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"trak/app"
)

// Whatever a team does to itself, whoever tries it, also by requests that began when they were
// something else: somebody owns the workspace, and nobody has a right that nobody who had it to
// give has given them.
func TestTeamsKeepAnOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	names := []string{"ada", "bo", "cem", "dot", "eve"}
	people := map[string]string{}
	for _, name := range names {
		people[name] = w.user(name, name+"@team.example")
	}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		team(r, w, names, people, fmt.Sprintf("Team %d", n))
	})
}

// promise is a link that somebody holds.
type promise struct {
	by, to, token string
	role          app.Role
}

func team(r *rapid.T, w *world, names []string, people map[string]string, workspace string) {
	ctx := context.Background()
	ws, err := w.app.CreateWorkspace(ctx, people[names[0]], app.NewWorkspace{Name: workspace, Country: "DE", Currency: "eur", TimeZone: "UTC", Locale: "en"})
	if err != nil {
		r.Fatal(err)
	}
	roles := func() map[string]app.Role {
		all := map[string]app.Role{}
		for name, id := range people {
			if actor, err := w.app.ActorIn(ctx, id, ws.Slug); err == nil {
				all[name] = actor.Role
			}
		}
		return all
	}
	seen := map[string][]app.Actor{} // all that each has ever been, for requests that are late
	look := func() {
		for name, id := range people {
			if actor, err := w.app.ActorIn(ctx, id, ws.Slug); err == nil {
				seen[name] = append(seen[name], actor)
			}
		}
	}
	look()
	var links []promise
	pick := func(r *rapid.T, what string) string { return rapid.SampledFrom(names).Draw(r, what) }
	role := func(r *rapid.T) app.Role { return rapid.SampledFrom(append(app.Roles(), "boss")).Draw(r, "role") }
	// as lets somebody act as what they are or were, and looks what came of it.
	as := func(r *rapid.T, act func(by app.Actor) error) {
		by := pick(r, "by")
		if len(seen[by]) == 0 {
			return
		}
		actor := rapid.SampledFrom(seen[by]).Draw(r, "as")
		before := roles()
		err := act(actor)
		after := roles()
		if err != nil && !maps.Equal(before, after) {
			r.Fatalf("refused with %v, and yet %v became %v", err, before, after)
		}
		owners := 0
		for name := range people {
			if after[name] == app.Owner {
				owners++
			}
			was, is, giver := before[name], after[name], before[by]
			mayGive := giver == app.Owner || giver == app.Admin && was != app.Owner && is != app.Owner
			if was != is && !mayGive && !(name == by && is == "") { // everybody may leave
				r.Fatalf("%s, by %s who is %q, was %q and is %q", name, by, giver, was, is)
			}
		}
		if owners == 0 {
			r.Fatalf("nobody owns it: %v became %v", before, after)
		}
		look()
	}
	r.Repeat(map[string]func(*rapid.T){
		"change role": func(r *rapid.T) {
			to, role := pick(r, "of"), role(r)
			as(r, func(by app.Actor) error { return w.app.ChangeRole(ctx, by, people[to], role) })
		},
		"remove": func(r *rapid.T) {
			who := pick(r, "who")
			as(r, func(by app.Actor) error { return w.app.RemoveMember(ctx, by, people[who]) })
		},
		"leave": func(r *rapid.T) {
			as(r, func(by app.Actor) error { return w.app.Leave(ctx, by) })
		},
		"hand over": func(r *rapid.T) {
			to := pick(r, "to")
			as(r, func(by app.Actor) error { return w.app.HandOver(ctx, by, people[to]) })
		},
		"invite": func(r *rapid.T) {
			to, role := pick(r, "to"), role(r)
			w.clock.advance(6 * 3600 * 1e9) // so that no limit is in the way
			as(r, func(by app.Actor) error {
				before := roles()
				link, err := w.app.Invite(ctx, by, app.InvitationInput{Email: to + "@team.example", Role: role})
				if err != nil {
					return err
				}
				giver := ""
				for name, id := range people {
					if id == by.UserID {
						giver = name
					}
				}
				if g := before[giver]; g != app.Owner && (g != app.Admin || role == app.Owner) {
					r.Fatalf("%s, who is %q, invited a %s", giver, g, role)
				}
				if link != "" {
					links = append(links, promise{by: giver, to: to, token: tokenOf(link), role: role})
				}
				return nil
			})
		},
		"accept": func(r *rapid.T) {
			if len(links) == 0 {
				return
			}
			p := rapid.SampledFrom(links).Draw(r, "link")
			who := pick(r, "who")
			before := roles()
			_, err := w.app.AcceptInvitation(ctx, people[who], p.token)
			after := roles()
			want := before[who]
			if err == nil && want == "" {
				want = p.role
			}
			giver := before[p.by] // a promise ends with the right to make it
			kept := giver == app.Owner || giver == app.Admin && p.role != app.Owner
			if err == nil && (who != p.to || !kept) || after[who] != want {
				r.Fatalf("%s accepts what %s was invited to as %s: %v, they are %q", who, p.to, p.role, err, after[who])
			}
			delete(before, who)
			delete(after, who)
			if !maps.Equal(before, after) {
				r.Fatalf("others changed: %v became %v", before, after)
			}
			look()
		},
	})
}
