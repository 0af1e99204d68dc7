package app

import "slices"

// Locale is a way to write numbers, money and dates, and the language of what clients read where
// there is one.
type Locale struct{ Tag, Name string }

// Locales are those to choose from, by name.
func Locales() []Locale {
	return []Locale{
		{"cs", "Czech"}, {"da", "Danish"}, {"nl", "Dutch"}, {"nl-BE", "Dutch (Belgium)"}, {"en", "English"}, {"en-AU", "English (Australia)"},
		{"en-CA", "English (Canada)"}, {"en-IE", "English (Ireland)"}, {"en-NZ", "English (New Zealand)"}, {"en-GB", "English (United Kingdom)"},
		{"en-US", "English (United States)"}, {"et", "Estonian"}, {"fi", "Finnish"}, {"fr", "French"}, {"fr-BE", "French (Belgium)"}, {"fr-CA", "French (Canada)"},
		{"fr-CH", "French (Switzerland)"}, {"de", "German"}, {"de-AT", "German (Austria)"}, {"de-CH", "German (Switzerland)"}, {"el", "Greek"},
		{"hu", "Hungarian"}, {"it", "Italian"}, {"ja", "Japanese"}, {"lv", "Latvian"}, {"lt", "Lithuanian"}, {"nb", "Norwegian"}, {"pl", "Polish"},
		{"pt", "Portuguese"}, {"pt-BR", "Portuguese (Brazil)"}, {"ro", "Romanian"}, {"sk", "Slovak"}, {"sl", "Slovenian"}, {"es", "Spanish"},
		{"es-MX", "Spanish (Mexico)"}, {"sv", "Swedish"},
	}
}

func knownLocale(tag string) bool {
	return slices.ContainsFunc(Locales(), func(l Locale) bool { return l.Tag == tag })
}
