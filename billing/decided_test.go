package billing

import (
	"testing"

	"pgregory.net/rapid"
)

// What people decide about an invoice never changes what was received for it, and an invoice that
// was given up on is outstanding no more, whatever arrives.
func TestDecisionsMoveNoMoney(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := InvoiceFacts{Currency: "eur", Total: rapid.Int64Range(0, 2000).Draw(t, "total")}
		for range rapid.IntRange(0, 4).Draw(t, "payments") {
			p := Payment{Currency: rapid.SampledFrom([]string{"eur", "eur", "usd"}).Draw(t, "currency"), HappenedAt: rapid.Int64Range(0, 3).Draw(t, "at")}
			switch p.Gross = rapid.Int64Range(0, 1500).Draw(t, "gross"); {
			case p.Gross == 0:
				p.Processing = rapid.Bool().Draw(t, "processing")
			default:
				p.Refunded = rapid.Int64Range(0, p.Gross).Draw(t, "refunded")
				p.Lost = rapid.Int64Range(0, p.Gross-p.Refunded).Draw(t, "lost")
			}
			f.Payments = append(f.Payments, p)
		}
		standing := func(decided Status) Standing {
			f.Decided = decided
			return StandingOf(f)
		}
		open, given, void := standing(Open), standing(Uncollectible), standing(Void)
		for decided, s := range map[Status]Standing{Uncollectible: given, Void: void} {
			if s.Received != open.Received || s.Refunded != open.Refunded {
				t.Fatalf("%s: received %d and refunded %d, open %d and %d", decided, s.Received, s.Refunded, open.Received, open.Refunded)
			}
			if s.Phase == PhaseOpen || s.Phase == PhaseDraft {
				t.Fatalf("%s waits for money: %+v", decided, s)
			}
			if word := s.Status; open.Status != Open && word != open.Status && !(f.Total == 0 && open.Received == 0) {
				t.Fatalf("%s reads %s, open %s", decided, word, open.Status)
			}
			if open.Status == Open && s.Status != decided {
				t.Fatalf("%s reads %s", decided, s.Status)
			}
		}
		if given.Due != open.Due || void.Due != 0 {
			t.Fatalf("due %d when open, %d when given up on, %d when void", open.Due, given.Due, void.Due)
		}
	})
}
