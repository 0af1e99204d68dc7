package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// createLink makes a Payment Link. Its prices must exist already: this API version takes no
// price_data. All of them must be in one currency.
func (s *Server) createLink(c *call) (any, error) {
	if !s.canCharge(c.account) {
		return nil, invalid("", "", "Your account cannot currently make charges. Complete onboarding, with the card_payments capability, before creating payment links.")
	}
	lines, total, currency, err := s.addUp(c.account, children(c.in, "line_items"))
	if err != nil {
		return nil, err
	}
	if fee, given := c.in["application_fee_amount"].(int64); given && (fee < 0 || fee == 0 && !s.answers.ZeroFeeIsTaken || fee > total) {
		return nil, invalid("", "application_fee_amount", "The application fee must be positive and no more than the amount.")
	}

	link := blank("payment_link")
	link["id"] = s.newID("plink_1", 23)
	link["currency"] = currency
	link["payment_method_types"] = nil
	if c.account != "" {
		link["application"] = s.application
	}
	if err := setLink(link, c.in); err != nil {
		return nil, err
	}
	token := "test_" + s.newID("", 18)
	link["url"] = s.base + "/pay/" + token
	r := s.add("payment_link", c.account, link)
	r.hidden["lines"] = lines
	r.hidden["total"] = total
	s.linkTokens[token] = r
	s.emit(c, c.account, "payment_link.created", link)
	return link, nil
}

// addUp reads the lines of a link or session: prices that exist, all in one currency, and how many
// of each.
func (s *Server) addUp(account string, items []any) (lines []any, total int64, currency string, err error) {
	refuse := func(err error) ([]any, int64, string, error) { return nil, 0, "", err }
	switch {
	case len(items) == 0:
		return refuse(invalid("parameter_missing", "line_items", "Missing required param: line_items."))
	case len(items) > 20:
		return refuse(invalid("", "line_items", "You may only specify up to 20 line items."))
	}
	lines = []any{}
	for i, item := range items {
		item := item.(object)
		at := fmt.Sprintf("line_items[%d]", i)
		price := s.find(account, "price", text(item, "price"))
		if price == nil {
			return refuse(missing(http.StatusBadRequest, at+"[price]", "price", text(item, "price")))
		}
		if !truth(price.obj, "active") {
			return refuse(invalid("", at+"[price]", "The price specified is inactive. This field only accepts active prices."))
		}
		if currency != "" && currency != text(price.obj, "currency") {
			return refuse(invalid("", at+"[price]", "All prices must have the same currency."))
		}
		currency = text(price.obj, "currency")
		quantity := number(item, "quantity")
		if quantity < 1 || quantity > 999_999 {
			return refuse(invalid("parameter_invalid_integer", at+"[quantity]", "Invalid quantity: must be between 1 and 999999"))
		}
		amount := number(price.obj, "unit_amount")
		if amount > 0 && quantity > 999_999_999_999/amount {
			return refuse(invalid("amount_too_large", at+"[quantity]", "The total amount is too large."))
		}
		lines = append(lines, object{"price": price.id(), "quantity": quantity})
		total += amount * quantity
	}
	if err := checkAmount(total, currency, "line_items"); err != nil {
		return refuse(err)
	}
	if err := checkMinimum(total, currency, "line_items"); err != nil {
		return refuse(err)
	}
	return lines, total, currency, nil
}

// updateLink changes what Stripe lets change; the description refuses the rest (amount,
// currency) as unknown.
func (s *Server) updateLink(c *call) (any, error) {
	r, err := s.named(c, "payment_link")
	if err != nil {
		return nil, err
	}
	if c.in["line_items"] != nil {
		return nil, invalid("", "line_items", "The sandbox doesn't change the lines of a link.")
	}
	trial := clone(r.obj).(object)
	if err := setLink(trial, c.in); err != nil {
		return nil, err
	}
	s.update(c, r, "payment_link.updated", func(link object) { maps.Copy(link, trial) })
	if s.answers.DeactivatedLinkClosesSessions && !truth(r.obj, "active") {
		for _, session := range s.listed(r.account, "checkout.session", "payment_link", r.id()) {
			if session.obj["status"] == "open" {
				s.expire(nil, session)
			}
		}
	}
	return r.obj, nil
}

// setLink writes parameters into a link. Hashes that Stripe replaces whole get their missing
// keys as null.
func setLink(link, in object) error {
	for key, given := range in {
		switch key {
		case "expand", "line_items":
		case "metadata":
			setMetadata(link, given)
		case "restrictions":
			limit := number(child(given.(object), "completed_sessions"), "limit")
			if limit < 1 {
				return invalid("parameter_invalid_integer", "restrictions[completed_sessions][limit]", "This value must be greater than or equal to 1.")
			}
			link[key] = object{"completed_sessions": object{"limit": limit, "count": completedSessions(link)}}
		case "after_completion":
			after, err := afterCompletion(given.(object))
			if err != nil {
				return err
			}
			link[key] = after
		case "payment_intent_data":
			data := object{
				"capture_method": nil, "description": nil, "metadata": object{}, "setup_future_usage": nil,
				"statement_descriptor": nil, "statement_descriptor_suffix": nil, "transfer_group": nil,
			}
			for name, value := range given.(object) {
				if value != "" {
					data[name] = value
				}
			}
			link[key] = data
		default:
			if given == "" {
				given = nil
			}
			link[key] = given
		}
	}
	return nil
}

func afterCompletion(in object) (object, error) {
	if text(in, "type") == "hosted_confirmation" {
		confirmation := child(in, "hosted_confirmation")
		return object{"type": "hosted_confirmation", "hosted_confirmation": object{"custom_message": confirmation["custom_message"]}}, nil
	}
	target := text(child(in, "redirect"), "url")
	if !isWebURL(target) {
		return nil, invalid("url_invalid", "after_completion[redirect][url]", "Not a valid URL")
	}
	return object{"type": "redirect", "redirect": object{"url": target}}, nil
}

func completedSessions(link object) int64 {
	return number(child(child(link, "restrictions"), "completed_sessions"), "count")
}

// usedUp reports whether a link has as many completed sessions as it may have.
func usedUp(link object) bool {
	limit := number(child(child(link, "restrictions"), "completed_sessions"), "limit")
	return limit > 0 && completedSessions(link) >= limit
}

// lineItems lists the lines of a link, or of a session made from one.
func (s *Server) lineItems(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		r, err := s.named(c, kind)
		if err != nil {
			return nil, err
		}
		return s.itemsOf(r), nil
	}
}

// itemsOf are the lines of a link or session. A link has 20 at most, so that one page holds
// them all.
func (s *Server) itemsOf(r *record) object {
	items := []any{}
	for i, line := range r.hidden["lines"].([]any) {
		line := line.(object)
		price := s.records[text(line, "price")]
		product := s.records[text(price.obj, "product")]
		quantity := number(line, "quantity")
		item := blank("item")
		item["id"] = fmt.Sprintf("li_%d%s", i, r.id()[len(r.id())-23:])
		item["amount_subtotal"] = quantity * number(price.obj, "unit_amount")
		item["amount_total"] = item["amount_subtotal"]
		item["currency"] = price.obj["currency"]
		item["description"] = product.obj["name"]
		item["price"] = clone(price.obj)
		item["quantity"] = quantity
		items = append(items, item)
	}
	path := "/v1/payment_links/"
	if r.kind == "checkout.session" {
		path = "/v1/checkout/sessions/"
	}
	return whole(items, path+r.id()+"/line_items")
}

// title is what a client reads that they pay for.
func (s *Server) title(r *record) string {
	var names []string
	for _, item := range children(s.itemsOf(r), "data") {
		names = append(names, text(item.(object), "description"))
	}
	return strings.Join(slices.Compact(names), ", ")
}
