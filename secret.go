package main

import "log/slog"

// Secret is the value of a setting that nobody is to see. However it is printed, logged or
// encoded, it says only that it is there; string(s) is the value, for the part that uses it.
type Secret string

const redacted = "[redacted]"

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// texts are the values of a list.
func texts(secrets []Secret) (list []string) {
	for _, s := range secrets {
		list = append(list, string(s))
	}
	return list
}
