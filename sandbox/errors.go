package sandbox

import (
	"fmt"
	"net/http"
)

// apiError is an error as the API tells it. Only what is set is sent.
type apiError struct {
	status  int
	Type    string `json:"type"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
}

func (e *apiError) Error() string { return e.Message }

// invalid is the 400 of a request that can't be right.
func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{
		status: http.StatusBadRequest, Type: "invalid_request_error",
		Code: code, Param: param, Message: fmt.Sprintf(format, args...),
	}
}

// missing is the error of an id that doesn't exist for the account: 404 when the path names
// it, 400 when a parameter does.
func missing(status int, param, kind, id string) *apiError {
	return &apiError{
		status: status, Type: "invalid_request_error",
		Code: "resource_missing", Param: param, Message: fmt.Sprintf("No such %s: '%s'", kind, id),
	}
}

// noAccess is the 403 of an account that isn't connected, or no longer.
func noAccess(account string) *apiError {
	return &apiError{
		status: http.StatusForbidden, Type: "invalid_request_error", Code: "account_invalid",
		Message: fmt.Sprintf("The provided key does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", account),
	}
}
