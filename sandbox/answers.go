package sandbox

import (
	"fmt"
	"os"
	"reflect"
	"strings"
)

// Answers are how the sandbox behaves where Stripe's own behaviour is documented nowhere, or was
// never checked against it: a program must work under either answer. The zero value is what is
// more likely.
type Answers struct {
	DeactivatedLinkClosesSessions bool // deactivating a link expires the sessions that are open on it
	FailedDebitFreesLink          bool // a session whose bank debit failed counts no longer toward the link's limit
	LimitHoldsAtCompletion        bool // of two sessions that are open at once only the first can complete
	ZeroFeeIsTaken                bool // application_fee_amount=0 is accepted on a link
	ExpressStaysConnected         bool // Express accounts can't disconnect themselves
	FailedRefundStaysCounted      bool // charge.amount_refunded doesn't drop when a refund fails
	EventsInRequestVersion        bool // /v1/events tells the version that the request asked for, not the event's own
	LongReferenceIsRefused        bool // a client_reference_id over its limits shows an error instead of being left out
	FailuresAreForgotten          bool // a 500 is not kept with its idempotency key: the same key tries again
}

// answersEnv names the answers of every sandbox whose options name none: "all" for all the other
// ones, or names with commas between. With it whole test suites run under the other answers.
const answersEnv = "TRAK_SANDBOX_ANSWERS"

// ParseAnswers reads "all", or names of fields with commas between.
func ParseAnswers(list string) (a Answers, err error) {
	fields := reflect.ValueOf(&a).Elem()
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		switch field := fields.FieldByName(name); {
		case name == "":
		case name == "all":
			for i := range fields.NumField() {
				fields.Field(i).SetBool(true)
			}
		case !field.IsValid():
			return a, fmt.Errorf("unknown answer %q; there are %s", name, strings.Join(AnswerNames(), ", "))
		default:
			field.SetBool(true)
		}
	}
	return a, nil
}

// AnswerNames are the names that ParseAnswers knows.
func AnswerNames() (names []string) {
	for field := range reflect.TypeFor[Answers]().Fields() {
		names = append(names, field.Name)
	}
	return names
}

func answersFromEnv() Answers {
	a, err := ParseAnswers(os.Getenv(answersEnv))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", answersEnv, err)) // a test run that was asked for what is not there
	}
	return a
}

// Answers tells how they are set now.
func (s *Server) Answers() Answers {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers
}

// SetAnswers changes them from the next call on.
func (s *Server) SetAnswers(a Answers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = a
}
