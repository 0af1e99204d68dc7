package sandbox

import (
	"strconv"
	"strings"
)

// currencies are those that Stripe charges in, by how it counts them.
var currencies = struct{ decimals, none, three string }{
	decimals: "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst xcd yer zar zmw",
	none:     "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf",
	three:    "bhd jod kwd omr tnd",
}

// minimums are the least charges by currency, in minor units (docs.stripe.com/currencies).
// Currencies that are settled in another one have none of their own.
var minimums = map[string]int64{
	"usd": 50, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "eur": 50, "inr": 50, "nzd": 50, "sgd": 50,
	"gbp": 30, "aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "hkd": 400, "huf": 17500, "jpy": 50,
	"mxn": 1000, "myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300, "thb": 1000,
}

func known(list, currency string) bool {
	return len(currency) == 3 && strings.Contains(" "+list+" ", " "+currency+" ")
}

// checkCurrency refuses what Stripe doesn't charge in, and gives the code in lower case.
func checkCurrency(currency string) (string, error) {
	currency = strings.ToLower(currency)
	if !known(currencies.decimals, currency) && !known(currencies.none, currency) && !known(currencies.three, currency) {
		return "", invalid("", "currency", "Invalid currency: %s. Stripe currently supports these currencies: %s",
			currency, strings.ReplaceAll(currencies.decimals, " ", ", "))
	}
	return currency, nil
}

// checkAmount refuses an amount in minor units that Stripe can't take in a currency: negative,
// too many digits, or with a fraction that the currency doesn't have.
func checkAmount(amount int64, currency, param string) error {
	longest := int64(99_999_999)
	switch currency {
	case "inr":
		longest = 999_999_999
	case "idr":
		longest = 999_999_999_999
	case "jpy", "huf", "cop", "lbp":
		longest = 9_999_999_999
	}
	switch {
	case amount < 0:
		return invalid("parameter_invalid_integer", param, "Invalid non-negative integer")
	case amount > longest:
		return invalid("amount_too_large", param, "Amount must be no more than %s", shown(longest, currency))
	case (currency == "isk" || currency == "ugx") && amount%100 != 0:
		return invalid("invalid_charge_amount_no_decimal_compatible", param, "Amount must be divisible by 100 in %s", currency)
	case known(currencies.three, currency) && amount%10 != 0:
		return invalid("invalid_charge_amount_no_decimal_compatible", param, "The last digit of an amount in %s must be 0", currency)
	}
	return nil
}

// checkMinimum refuses a charge that costs more than it brings.
func checkMinimum(amount int64, currency, param string) error {
	if amount > 0 && amount < minimums[currency] {
		return invalid("amount_too_small", param, "The total amount due must add up to at least %s", shown(minimums[currency], currency))
	}
	if amount == 0 {
		return invalid("amount_too_small", param, "The total amount due must be greater than 0")
	}
	return nil
}

// shown is an amount for people's eyes: 12.50 EUR.
func shown(amount int64, currency string) string {
	digits := 2
	switch {
	case known(currencies.none, currency):
		digits = 0
	case known(currencies.three, currency):
		digits = 3
	}
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	text := strconv.FormatInt(amount, 10)
	if digits > 0 {
		for len(text) <= digits {
			text = "0" + text
		}
		text = text[:len(text)-digits] + "." + text[len(text)-digits:]
	}
	return sign + text + " " + strings.ToUpper(currency)
}
