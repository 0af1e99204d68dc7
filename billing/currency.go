package billing

import (
	"fmt"
	"slices"
	"strings"
)

// Currency is what Trak knows about one currency: how Stripe counts it and how people read it.
type Currency struct {
	Code     string // ISO 4217 in lower case, as Stripe writes it
	Name     string // in English, for the list to choose from
	Exponent int    // Stripe's, not ISO's: one major unit is 10^Exponent minor units
	Digits   int    // decimals that are shown
	Step     int64  // every amount is a multiple of so many minor units
	Minimum  int64  // smallest card payment in minor units, 0 where none is known
	Maximum  int64  // largest card payment in minor units, 0 where none is known
}

const (
	errUnknownCurrency InputError = "Choose a currency from the list"
	errNotAboveZero    InputError = "Enter an amount above zero"
)

// eightDigits is the largest charge that Stripe takes in most currencies.
const eightDigits int64 = 99_999_999

// currencies are those in which Stripe takes card payments (docs.stripe.com/currencies),
// sorted by code. They differ from ISO 4217 in places:
//   - isk and ugx have no decimals, but are sent times 100 and must be whole (step 100);
//   - bhd, jod, kwd, omr and tnd have three decimals, of which the last must be 0 (step 10);
//   - mga has a fifth as its minor unit, but is sent as it is;
//   - huf and twd are charged with two decimals (only payouts are whole);
//   - std, ang and bgn are still Stripe's names although ISO 4217 has withdrawn them.
//
// The minimum is Stripe's for accounts that settle in the same currency. Stripe takes more
// than eight digits in jpy, huf, cop and lbp, up to a limit of the card's: none is set here.
var currencies = []Currency{
	// code, name, exponent, digits, step, minimum, maximum
	{"aed", "UAE dirham", 2, 2, 1, 200, eightDigits},
	{"afn", "Afghan afghani", 2, 2, 1, 0, eightDigits},
	{"all", "Albanian lek", 2, 2, 1, 0, eightDigits},
	{"amd", "Armenian dram", 2, 2, 1, 0, eightDigits},
	{"ang", "Netherlands Antillean guilder", 2, 2, 1, 0, eightDigits},
	{"aoa", "Angolan kwanza", 2, 2, 1, 0, eightDigits},
	{"ars", "Argentine peso", 2, 2, 1, 0, eightDigits},
	{"aud", "Australian dollar", 2, 2, 1, 50, eightDigits},
	{"awg", "Aruban florin", 2, 2, 1, 0, eightDigits},
	{"azn", "Azerbaijani manat", 2, 2, 1, 0, eightDigits},
	{"bam", "Bosnia-Herzegovina convertible mark", 2, 2, 1, 0, eightDigits},
	{"bbd", "Barbadian dollar", 2, 2, 1, 0, eightDigits},
	{"bdt", "Bangladeshi taka", 2, 2, 1, 0, eightDigits},
	{"bgn", "Bulgarian lev", 2, 2, 1, 100, eightDigits},
	{"bhd", "Bahraini dinar", 3, 3, 10, 0, eightDigits},
	{"bif", "Burundian franc", 0, 0, 1, 0, eightDigits},
	{"bmd", "Bermudian dollar", 2, 2, 1, 0, eightDigits},
	{"bnd", "Brunei dollar", 2, 2, 1, 0, eightDigits},
	{"bob", "Bolivian boliviano", 2, 2, 1, 0, eightDigits},
	{"brl", "Brazilian real", 2, 2, 1, 50, eightDigits},
	{"bsd", "Bahamian dollar", 2, 2, 1, 0, eightDigits},
	{"bwp", "Botswanan pula", 2, 2, 1, 0, eightDigits},
	{"byn", "Belarusian ruble", 2, 2, 1, 0, eightDigits},
	{"bzd", "Belize dollar", 2, 2, 1, 0, eightDigits},
	{"cad", "Canadian dollar", 2, 2, 1, 50, eightDigits},
	{"cdf", "Congolese franc", 2, 2, 1, 0, eightDigits},
	{"chf", "Swiss franc", 2, 2, 1, 50, eightDigits},
	{"clp", "Chilean peso", 0, 0, 1, 0, eightDigits},
	{"cny", "Chinese yuan", 2, 2, 1, 0, eightDigits},
	{"cop", "Colombian peso", 2, 2, 1, 0, 0},
	{"crc", "Costa Rican colón", 2, 2, 1, 0, eightDigits},
	{"cve", "Cape Verdean escudo", 2, 2, 1, 0, eightDigits},
	{"czk", "Czech koruna", 2, 2, 1, 1_500, eightDigits},
	{"djf", "Djiboutian franc", 0, 0, 1, 0, eightDigits},
	{"dkk", "Danish krone", 2, 2, 1, 250, eightDigits},
	{"dop", "Dominican peso", 2, 2, 1, 0, eightDigits},
	{"dzd", "Algerian dinar", 2, 2, 1, 0, eightDigits},
	{"egp", "Egyptian pound", 2, 2, 1, 0, eightDigits},
	{"etb", "Ethiopian birr", 2, 2, 1, 0, eightDigits},
	{"eur", "Euro", 2, 2, 1, 50, eightDigits},
	{"fjd", "Fijian dollar", 2, 2, 1, 0, eightDigits},
	{"fkp", "Falkland Islands pound", 2, 2, 1, 0, eightDigits},
	{"gbp", "British pound", 2, 2, 1, 30, eightDigits},
	{"gel", "Georgian lari", 2, 2, 1, 0, eightDigits},
	{"gip", "Gibraltar pound", 2, 2, 1, 0, eightDigits},
	{"gmd", "Gambian dalasi", 2, 2, 1, 0, eightDigits},
	{"gnf", "Guinean franc", 0, 0, 1, 0, eightDigits},
	{"gtq", "Guatemalan quetzal", 2, 2, 1, 0, eightDigits},
	{"gyd", "Guyanaese dollar", 2, 2, 1, 0, eightDigits},
	{"hkd", "Hong Kong dollar", 2, 2, 1, 400, eightDigits},
	{"hnl", "Honduran lempira", 2, 2, 1, 0, eightDigits},
	{"htg", "Haitian gourde", 2, 2, 1, 0, eightDigits},
	{"huf", "Hungarian forint", 2, 2, 1, 17_500, 0},
	{"idr", "Indonesian rupiah", 2, 2, 1, 0, 999_999_999_999},
	{"ils", "Israeli new shekel", 2, 2, 1, 0, eightDigits},
	{"inr", "Indian rupee", 2, 2, 1, 50, 999_999_999},
	{"isk", "Icelandic króna", 2, 0, 100, 0, eightDigits},
	{"jmd", "Jamaican dollar", 2, 2, 1, 0, eightDigits},
	{"jod", "Jordanian dinar", 3, 3, 10, 0, eightDigits},
	{"jpy", "Japanese yen", 0, 0, 1, 50, 0},
	{"kes", "Kenyan shilling", 2, 2, 1, 0, eightDigits},
	{"kgs", "Kyrgystani som", 2, 2, 1, 0, eightDigits},
	{"khr", "Cambodian riel", 2, 2, 1, 0, eightDigits},
	{"kmf", "Comorian franc", 0, 0, 1, 0, eightDigits},
	{"krw", "South Korean won", 0, 0, 1, 0, eightDigits},
	{"kwd", "Kuwaiti dinar", 3, 3, 10, 0, eightDigits},
	{"kyd", "Cayman Islands dollar", 2, 2, 1, 0, eightDigits},
	{"kzt", "Kazakhstani tenge", 2, 2, 1, 0, eightDigits},
	{"lak", "Laotian kip", 2, 2, 1, 0, eightDigits},
	{"lbp", "Lebanese pound", 2, 2, 1, 0, 0},
	{"lkr", "Sri Lankan rupee", 2, 2, 1, 0, eightDigits},
	{"lrd", "Liberian dollar", 2, 2, 1, 0, eightDigits},
	{"lsl", "Lesotho loti", 2, 2, 1, 0, eightDigits},
	{"mad", "Moroccan dirham", 2, 2, 1, 0, eightDigits},
	{"mdl", "Moldovan leu", 2, 2, 1, 0, eightDigits},
	{"mga", "Malagasy ariary", 0, 0, 1, 0, eightDigits},
	{"mkd", "Macedonian denar", 2, 2, 1, 0, eightDigits},
	{"mmk", "Myanmar kyat", 2, 2, 1, 0, eightDigits},
	{"mnt", "Mongolian tugrik", 2, 2, 1, 0, eightDigits},
	{"mop", "Macanese pataca", 2, 2, 1, 0, eightDigits},
	{"mur", "Mauritian rupee", 2, 2, 1, 0, eightDigits},
	{"mvr", "Maldivian rufiyaa", 2, 2, 1, 0, eightDigits},
	{"mwk", "Malawian kwacha", 2, 2, 1, 0, eightDigits},
	{"mxn", "Mexican peso", 2, 2, 1, 1_000, eightDigits},
	{"myr", "Malaysian ringgit", 2, 2, 1, 200, eightDigits},
	{"mzn", "Mozambican metical", 2, 2, 1, 0, eightDigits},
	{"nad", "Namibian dollar", 2, 2, 1, 0, eightDigits},
	{"ngn", "Nigerian naira", 2, 2, 1, 0, eightDigits},
	{"nio", "Nicaraguan córdoba", 2, 2, 1, 0, eightDigits},
	{"nok", "Norwegian krone", 2, 2, 1, 300, eightDigits},
	{"npr", "Nepalese rupee", 2, 2, 1, 0, eightDigits},
	{"nzd", "New Zealand dollar", 2, 2, 1, 50, eightDigits},
	{"omr", "Omani rial", 3, 3, 10, 0, eightDigits},
	{"pab", "Panamanian balboa", 2, 2, 1, 0, eightDigits},
	{"pen", "Peruvian sol", 2, 2, 1, 0, eightDigits},
	{"pgk", "Papua New Guinean kina", 2, 2, 1, 0, eightDigits},
	{"php", "Philippine peso", 2, 2, 1, 0, eightDigits},
	{"pkr", "Pakistani rupee", 2, 2, 1, 0, eightDigits},
	{"pln", "Polish zloty", 2, 2, 1, 200, eightDigits},
	{"pyg", "Paraguayan guarani", 0, 0, 1, 0, eightDigits},
	{"qar", "Qatari riyal", 2, 2, 1, 0, eightDigits},
	{"ron", "Romanian leu", 2, 2, 1, 200, eightDigits},
	{"rsd", "Serbian dinar", 2, 2, 1, 0, eightDigits},
	{"rub", "Russian ruble", 2, 2, 1, 0, eightDigits},
	{"rwf", "Rwandan franc", 0, 0, 1, 0, eightDigits},
	{"sar", "Saudi riyal", 2, 2, 1, 0, eightDigits},
	{"sbd", "Solomon Islands dollar", 2, 2, 1, 0, eightDigits},
	{"scr", "Seychellois rupee", 2, 2, 1, 0, eightDigits},
	{"sek", "Swedish krona", 2, 2, 1, 300, eightDigits},
	{"sgd", "Singapore dollar", 2, 2, 1, 50, eightDigits},
	{"shp", "St. Helena pound", 2, 2, 1, 0, eightDigits},
	{"sle", "Sierra Leonean leone", 2, 2, 1, 0, eightDigits},
	{"sos", "Somali shilling", 2, 2, 1, 0, eightDigits},
	{"srd", "Surinamese dollar", 2, 2, 1, 0, eightDigits},
	{"std", "São Tomé and Príncipe dobra", 2, 2, 1, 0, eightDigits},
	{"svc", "Salvadoran colón", 2, 2, 1, 0, eightDigits},
	{"szl", "Swazi lilangeni", 2, 2, 1, 0, eightDigits},
	{"thb", "Thai baht", 2, 2, 1, 1_000, eightDigits},
	{"tjs", "Tajikistani somoni", 2, 2, 1, 0, eightDigits},
	{"tnd", "Tunisian dinar", 3, 3, 10, 0, eightDigits},
	{"top", "Tongan paʻanga", 2, 2, 1, 0, eightDigits},
	{"try", "Turkish lira", 2, 2, 1, 0, eightDigits},
	{"ttd", "Trinidad and Tobago dollar", 2, 2, 1, 0, eightDigits},
	{"twd", "New Taiwan dollar", 2, 2, 1, 0, eightDigits},
	{"tzs", "Tanzanian shilling", 2, 2, 1, 0, eightDigits},
	{"uah", "Ukrainian hryvnia", 2, 2, 1, 0, eightDigits},
	{"ugx", "Ugandan shilling", 2, 0, 100, 0, eightDigits},
	{"usd", "US dollar", 2, 2, 1, 50, eightDigits},
	{"uyu", "Uruguayan peso", 2, 2, 1, 0, eightDigits},
	{"uzs", "Uzbekistani som", 2, 2, 1, 0, eightDigits},
	{"vnd", "Vietnamese dong", 0, 0, 1, 0, eightDigits},
	{"vuv", "Vanuatu vatu", 0, 0, 1, 0, eightDigits},
	{"wst", "Samoan tala", 2, 2, 1, 0, eightDigits},
	{"xaf", "Central African CFA franc", 0, 0, 1, 0, eightDigits},
	{"xcd", "East Caribbean dollar", 2, 2, 1, 0, eightDigits},
	{"xcg", "Caribbean guilder", 2, 2, 1, 0, eightDigits},
	{"xof", "West African CFA franc", 0, 0, 1, 0, eightDigits},
	{"xpf", "CFP franc", 0, 0, 1, 0, eightDigits},
	{"yer", "Yemeni rial", 2, 2, 1, 0, eightDigits},
	{"zar", "South African rand", 2, 2, 1, 0, eightDigits},
	{"zmw", "Zambian kwacha", 2, 2, 1, 0, eightDigits},
}

// CurrencyOf returns the currency with this lower-case code, and whether Stripe takes it.
func CurrencyOf(code string) (Currency, bool) {
	i, ok := slices.BinarySearchFunc(currencies, code, func(c Currency, code string) int {
		return strings.Compare(c.Code, code)
	})
	if !ok {
		return Currency{}, false
	}
	return currencies[i], true
}

// Currencies returns every currency in which Stripe takes card payments, sorted by code.
func Currencies() []Currency {
	return slices.Clone(currencies)
}

// priceDecimals is how many decimals a unit price may have.
func (c Currency) priceDecimals() int {
	return min(c.Exponent+priceDigits, maxDecimals)
}

// decimalsError says how many decimals may be entered, when there were more than limit.
func (c Currency) decimalsError(limit int) InputError {
	code := strings.ToUpper(c.Code)
	if limit == 0 {
		return InputError("No decimals in " + code)
	}
	return InputError(fmt.Sprintf("At most %d decimals in %s", limit, code))
}

// stepError says what an amount must look like that is not a multiple of the step.
func (c Currency) stepError() InputError {
	if c.Digits == 0 {
		return c.decimalsError(0)
	}
	return InputError("The last decimal must be 0 in " + strings.ToUpper(c.Code))
}
