package e2e

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// target names one thing on a page as a screen reader does: by its role and its accessible
// name. An empty name is any. Within narrows the search to another thing.
type target struct {
	role, name string
	level      string // of a heading, "" = any
	within     *target
}

func button(name string) target   { return target{role: "button", name: name} }
func link(name string) target     { return target{role: "link", name: name} }
func textbox(name string) target  { return target{role: "textbox", name: name} }
func combobox(name string) target { return target{role: "combobox", name: name} }
func heading(name string) target  { return target{role: "heading", name: name} }
func title(name string) target    { return target{role: "heading", name: name, level: "1"} }
func group(name string) target    { return target{role: "group", name: name} }
func dialog(name string) target   { return target{role: "dialog", name: name} }

// in is the thing inside another one.
func (t target) in(outer target) target {
	t.within = &outer
	return t
}

func (t target) String() string {
	s := fmt.Sprintf("%s %q", t.role, t.name)
	if t.within != nil {
		s += " in " + t.within.String()
	}
	return s
}

// roles are Chromium's names for a role that people know by another: a field for a date is a
// textbox to those who find it by role.
func (t target) roles() []string {
	if t.role == "textbox" {
		return []string{"textbox", "Date"}
	}
	return []string{t.role}
}

// all finds every visible thing that the target names, from the browser's accessibility tree.
func (p *page) all(t target) ([]runtime.RemoteObjectID, error) {
	root, err := p.root(t)
	if err != nil {
		return nil, err
	}
	var found []runtime.RemoteObjectID
	for _, role := range t.roles() {
		answer, err := chromedp.Call(p.ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
			ObjectID: root, Role: role, AccessibleName: t.name,
		})
		if err != nil {
			return nil, err
		}
		for _, node := range answer.Nodes {
			if node.Ignored || node.BackendDOMNodeID == 0 || t.level != "" && property(node, "level") != t.level {
				continue
			}
			object, err := chromedp.Call(p.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: node.BackendDOMNodeID})
			if err != nil {
				return nil, err
			}
			found = append(found, object.Object.ObjectID)
		}
	}
	return found, nil
}

// property is what the accessibility tree says of a node, such as "level" of a heading.
func property(node *accessibility.Node, name accessibility.PropertyName) string {
	for _, p := range node.Properties {
		if p.Name == name {
			return string(p.Value.Value)
		}
	}
	return ""
}

// root is where the search for a target begins.
func (p *page) root(t target) (runtime.RemoteObjectID, error) {
	if t.within != nil {
		return p.one(*t.within)
	}
	answer, err := chromedp.Call(p.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "document"})
	if err != nil {
		return "", err
	}
	return answer.Result.ObjectID, nil
}

// one finds the only thing that the target names.
func (p *page) one(t target) (runtime.RemoteObjectID, error) {
	found, err := p.all(t)
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("there are %d of %v", len(found), t)
	}
	return found[0], nil
}

// call runs a JavaScript function on an object of the page, which is its "this".
func call[T any](p *page, object runtime.RemoteObjectID, function string, arguments ...any) (v T, err error) {
	yes := true
	params := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: object, ReturnByValue: &yes, AwaitPromise: &yes, UserGesture: &yes}
	for _, a := range arguments {
		text, err := json.Marshal(a)
		if err != nil {
			return v, err
		}
		params.Arguments = append(params.Arguments, &runtime.CallArgument{Value: text})
	}
	answer, err := chromedp.Call(p.ctx, runtime.CallFunctionOn, params)
	if err != nil {
		return v, err
	}
	if answer.ExceptionDetails != nil {
		return v, fmt.Errorf("%s", answer.ExceptionDetails.Exception.Description)
	}
	if len(answer.Result.Value) == 0 {
		return v, nil
	}
	return v, json.Unmarshal(answer.Result.Value, &v)
}

// texts are the shown texts of everything with a role, such as all that is a "status".
func (p *page) texts(role string) (texts []string, err error) {
	found, err := p.all(target{role: role})
	if err != nil {
		return nil, err
	}
	for _, object := range found {
		text, err := call[string](p, object, "function() { return this.innerText }")
		if err != nil {
			return nil, err
		}
		texts = append(texts, strings.TrimSpace(text))
	}
	return texts, nil
}
