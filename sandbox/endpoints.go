package sandbox

import (
	"encoding/hex"
	"slices"
)

// maxEndpoints is Stripe's limit of webhook endpoints of an account.
const maxEndpoints = 16

func (s *Server) createEndpoint(c *call) (any, error) {
	if !isWebURL(text(c.in, "url")) {
		return nil, invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided")
	}
	live := 0
	for _, r := range s.lists[listKey{c.account, "webhook_endpoint"}] {
		if !r.deleted {
			live++
		}
	}
	if live >= maxEndpoints {
		return nil, invalid("", "", "You have reached the maximum of %d test webhook endpoints.", maxEndpoints)
	}
	endpoint := blank("webhook_endpoint")
	endpoint["id"] = s.newID("we_1", 23)
	endpoint["created"] = s.unix()
	endpoint["url"] = c.in["url"]
	endpoint["enabled_events"] = c.in["enabled_events"]
	endpoint["description"] = nullable(text(c.in, "description"))
	endpoint["api_version"] = nullable(text(c.in, "api_version"))
	endpoint["status"] = "enabled"
	if truth(c.in, "connect") {
		endpoint["application"] = s.application
	}
	setMetadata(endpoint, c.in["metadata"])
	r := s.add("webhook_endpoint", c.account, endpoint)
	r.hidden["connect"] = truth(c.in, "connect")
	r.hidden["secret"] = "whsec_" + hex.EncodeToString([]byte(s.newID("", 16)))

	told := clone(endpoint).(object)
	told["secret"] = r.hidden["secret"] // now and never again
	return told, nil
}

func (s *Server) updateEndpoint(c *call) (any, error) {
	r, err := s.named(c, "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	if target, given := c.in["url"]; given && !isWebURL(target.(string)) {
		return nil, invalid("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided")
	}
	for _, key := range []string{"url", "enabled_events", "description"} {
		if given, ok := c.in[key]; ok {
			r.obj[key] = given
		}
	}
	if disabled, given := c.in["disabled"]; given {
		r.obj["status"] = "enabled"
		if disabled == true {
			r.obj["status"] = "disabled"
		}
	}
	setMetadata(r.obj, c.in["metadata"])
	return r.obj, nil
}

func (s *Server) deleteEndpoint(c *call) (any, error) {
	r, err := s.named(c, "webhook_endpoint")
	if err != nil {
		return nil, err
	}
	r.deleted = true
	return object{"id": c.id, "object": "webhook_endpoint", "deleted": true}, nil
}

// endpointsFor are the platform's endpoints that get an event: Connect endpoints those of
// connected accounts, the others the platform's own. What happens while an endpoint is
// disabled is never sent to it, nor what happens on an account that has disconnected itself.
func (s *Server) endpointsFor(account, typ string) []*record {
	if account != "" && !s.connected(account) {
		return nil
	}
	var wanted []*record
	for _, r := range s.lists[listKey{"", "webhook_endpoint"}] {
		if r.deleted || r.obj["status"] != "enabled" || truth(r.hidden, "connect") != (account != "") {
			continue
		}
		enabled := children(r.obj, "enabled_events")
		if slices.Contains(enabled, any("*")) || slices.Contains(enabled, any(typ)) {
			wanted = append(wanted, r)
		}
	}
	return wanted
}
