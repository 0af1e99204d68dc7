package sandbox

import (
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) createProduct(c *call) (any, error) {
	r := s.newProduct(c.account, text(c.in, "name"), text(c.in, "id"))
	for _, key := range []string{"description", "unit_label", "tax_code", "statement_descriptor", "url"} {
		if given := text(c.in, key); given != "" {
			r.obj[key] = given
		}
	}
	if active, given := c.in["active"]; given {
		r.obj["active"] = active
	}
	setMetadata(r.obj, c.in["metadata"])
	s.emit(c, c.account, "product.created", r.obj)
	return r.obj, nil
}

func (s *Server) newProduct(account, name, id string) *record {
	product := blank("product")
	if id == "" {
		id = s.newID("prod_", 14)
	}
	product["id"], product["name"] = id, name
	product["active"] = true
	product["created"], product["updated"] = s.unix(), s.unix()
	return s.add("product", account, product)
}

func (s *Server) updateProduct(c *call) (any, error) {
	r, err := s.named(c, "product")
	if err != nil {
		return nil, err
	}
	s.update(c, r, "product.updated", func(product object) {
		for _, key := range []string{"name", "active", "description", "default_price", "unit_label", "url"} {
			if given, ok := c.in[key]; ok {
				product[key] = given
			}
		}
		setMetadata(product, c.in["metadata"])
		product["updated"] = s.unix()
	})
	return r.obj, nil
}

func (s *Server) listProducts(c *call) (any, error) {
	return s.list(c, "product", func(r *record) bool {
		ids, some := c.in["ids"].([]any)
		return matches(r.obj, c.in, "active", "url") && (!some || slices.Contains(ids, any(r.id())))
	})
}

// createPrice makes a one-time price, of a product that exists or that it makes.
func (s *Server) createPrice(c *call) (any, error) {
	if c.in["recurring"] != nil {
		return nil, invalid("", "recurring", "The sandbox has one-time prices only.")
	}
	currency, err := checkCurrency(text(c.in, "currency"))
	if err != nil {
		return nil, err
	}
	amount, given := c.in["unit_amount"].(int64)
	if !given {
		return nil, invalid("parameter_missing", "unit_amount", "Missing required param: unit_amount.")
	}
	if err := checkAmount(amount, currency, "unit_amount"); err != nil {
		return nil, err
	}
	key := text(c.in, "lookup_key")
	if err := s.takeLookupKey(c, key); err != nil {
		return nil, err
	}
	productID := text(c.in, "product")
	productData := child(c.in, "product_data")
	switch {
	case (productID == "") == (productData == nil):
		return nil, invalid("parameter_missing", "product", "You must provide one of `product` or `product_data`.")
	case productData != nil:
		product := s.newProduct(c.account, text(productData, "name"), text(productData, "id"))
		setMetadata(product.obj, productData["metadata"])
		s.emit(c, c.account, "product.created", product.obj)
		productID = product.id()
	case s.find(c.account, "product", productID) == nil:
		return nil, missing(http.StatusBadRequest, "product", "product", productID)
	}

	price := blank("price")
	price["id"] = s.newID("price_", 24)
	price["type"] = "one_time"
	price["currency"] = currency
	price["unit_amount"] = amount
	price["unit_amount_decimal"] = strconv.FormatInt(amount, 10)
	price["product"] = productID
	price["lookup_key"] = nullable(key)
	price["nickname"] = nullable(text(c.in, "nickname"))
	price["tax_behavior"] = "unspecified"
	if behavior := text(c.in, "tax_behavior"); behavior != "" {
		price["tax_behavior"] = behavior
	}
	if active, given := c.in["active"]; given {
		price["active"] = active
	}
	price["created"] = s.unix()
	setMetadata(price, c.in["metadata"])
	s.lookups[lookup{c.account, key}] = s.add("price", c.account, price)
	s.emit(c, c.account, "price.created", price)
	return price, nil
}

// takeLookupKey makes sure that a lookup key names one price: it is refused when another has
// it, or taken from it when the caller asks so.
func (s *Server) takeLookupKey(c *call, key string) error {
	r := s.lookups[lookup{c.account, key}]
	if key == "" || r == nil || r.obj["lookup_key"] != key {
		return nil
	}
	if !truth(c.in, "transfer_lookup_key") {
		return invalid("resource_already_exists", "lookup_key", "A price (`%s`) already uses that lookup key.", r.id())
	}
	r.obj["lookup_key"] = nil
	return nil
}

func (s *Server) updatePrice(c *call) (any, error) {
	r, err := s.named(c, "price")
	if err != nil {
		return nil, err
	}
	if key := text(c.in, "lookup_key"); key != "" && key != r.obj["lookup_key"] {
		if err := s.takeLookupKey(c, key); err != nil {
			return nil, err
		}
		s.lookups[lookup{c.account, key}] = r
	}
	s.update(c, r, "price.updated", func(price object) {
		for _, key := range []string{"active", "nickname", "lookup_key", "tax_behavior"} {
			if given, ok := c.in[key]; ok {
				price[key] = given
				if given == "" {
					price[key] = nil
				}
			}
		}
		setMetadata(price, c.in["metadata"])
	})
	return r.obj, nil
}

func (s *Server) listPrices(c *call) (any, error) {
	return s.list(c, "price", func(r *record) bool {
		keys, some := c.in["lookup_keys"].([]any)
		return matches(r.obj, c.in, "active", "currency", "product", "type") &&
			(!some || slices.Contains(keys, r.obj["lookup_key"]))
	})
}
