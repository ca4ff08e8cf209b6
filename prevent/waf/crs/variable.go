package crs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// variable is a collection or a single value that rules look at.
type variable uint8

// The variables of the request side.
const (
	varNone variable = iota
	varArgs
	varArgsNames
	varArgsGet
	varArgsGetNames
	varArgsPost
	varArgsPostNames
	varArgsCombinedSize
	varArgumentsLimitReached
	varCookies
	varCookiesNames
	varHeaders
	varHeadersNames
	varURI
	varURIRaw
	varURIParseError
	varFilename
	varBasename
	varLine
	varMethod
	varProtocol
	varQueryString
	varBody
	varBodyLength
	varBodyProcessor
	varBodyError
	varBodyErrorMsg
	varBodyProcessorError
	varBodyProcessorErrorMsg
	varInboundDataError
	varMultipartStrictError
	varMultipartDuplicateHeader
	varMultipartInvalidQuoting
	varMultipartPartHeaders
	varMultipartFilename
	varMultipartName
	varFiles
	varFilesNames
	varFilesSizes
	varFilesCombinedSize
	varXML
	varRemoteAddr
	varRemoteHost
	varServerName
	varUniqueID
	varDuration
	varTimeEpoch
	varHighestSeverity
	varFullRequestLength
	varURLEncodedError
	varMatchedVar
	varMatchedVarName
	varMatchedVars
	varMatchedVarsNames
	varTX
	varRule
	varCount
)

// variables are the names, by number. A name that ends in ':' can be selected from.
var variables = [varCount]string{
	varNone: "UNKNOWN",
	varArgs: "ARGS:", varArgsNames: "ARGS_NAMES:", varArgsGet: "ARGS_GET:", varArgsGetNames: "ARGS_GET_NAMES:",
	varArgsPost: "ARGS_POST:", varArgsPostNames: "ARGS_POST_NAMES:", varArgsCombinedSize: "ARGS_COMBINED_SIZE",
	varArgumentsLimitReached: "ARGUMENTS_LIMIT_REACHED",
	varCookies:               "REQUEST_COOKIES:", varCookiesNames: "REQUEST_COOKIES_NAMES:",
	varHeaders: "REQUEST_HEADERS:", varHeadersNames: "REQUEST_HEADERS_NAMES:",
	varURI: "REQUEST_URI", varURIRaw: "REQUEST_URI_RAW", varURIParseError: "URI_PARSE_ERROR",
	varFilename: "REQUEST_FILENAME", varBasename: "REQUEST_BASENAME", varLine: "REQUEST_LINE",
	varMethod: "REQUEST_METHOD", varProtocol: "REQUEST_PROTOCOL", varQueryString: "QUERY_STRING",
	varBody: "REQUEST_BODY", varBodyLength: "REQUEST_BODY_LENGTH", varBodyProcessor: "REQBODY_PROCESSOR",
	varBodyError: "REQBODY_ERROR", varBodyErrorMsg: "REQBODY_ERROR_MSG",
	varBodyProcessorError: "REQBODY_PROCESSOR_ERROR", varBodyProcessorErrorMsg: "REQBODY_PROCESSOR_ERROR_MSG",
	varInboundDataError:     "INBOUND_DATA_ERROR",
	varMultipartStrictError: "MULTIPART_STRICT_ERROR", varMultipartDuplicateHeader: "MULTIPART_DUPLICATE_PART_HEADER",
	varMultipartInvalidQuoting: "MULTIPART_INVALID_QUOTING", varMultipartPartHeaders: "MULTIPART_PART_HEADERS:",
	varMultipartFilename: "MULTIPART_FILENAME:", varMultipartName: "MULTIPART_NAME:",
	varFiles: "FILES:", varFilesNames: "FILES_NAMES:", varFilesSizes: "FILES_SIZES:", varFilesCombinedSize: "FILES_COMBINED_SIZE",
	varXML:        "REQUEST_XML:",
	varRemoteAddr: "REMOTE_ADDR", varRemoteHost: "REMOTE_HOST", varServerName: "SERVER_NAME", varUniqueID: "UNIQUE_ID",
	varDuration: "DURATION", varTimeEpoch: "TIME_EPOCH", varHighestSeverity: "HIGHEST_SEVERITY",
	varFullRequestLength: "FULL_REQUEST_LENGTH", varURLEncodedError: "URLENCODED_ERROR",
	varMatchedVar: "MATCHED_VAR", varMatchedVarName: "MATCHED_VAR_NAME",
	varMatchedVars: "MATCHED_VARS:", varMatchedVarsNames: "MATCHED_VARS_NAMES:",
	varTX: "TX:", varRule: "RULE:",
}

// name is how the variable appears in results.
func (v variable) name() string { return strings.TrimSuffix(variables[v], ":") }

func (v variable) keyed() bool { return strings.HasSuffix(variables[v], ":") }

// exactCase says that a selector's key keeps its case.
func (v variable) exactCase() bool {
	return v >= varArgs && v <= varArgsPostNames
}

// byName is the inverse of variables.
var byName = func() map[string]variable {
	m := make(map[string]variable, varCount)
	for v := varArgs; v < varCount; v++ {
		m[v.name()] = v
	}
	m["XML"] = varXML
	return m
}()

// responseSide are variables of responses and of things that the engine does not
// have; rules of the request phases cannot look at them.
var responseSide = map[string]bool{
	"RESPONSE_BODY": true, "RESPONSE_HEADERS": true, "RESPONSE_HEADERS_NAMES": true, "RESPONSE_STATUS": true,
	"RESPONSE_PROTOCOL": true, "RESPONSE_CONTENT_TYPE": true, "RESPONSE_CONTENT_LENGTH": true, "STATUS_LINE": true,
	"RES_BODY_PROCESSOR": true, "RES_BODY_ERROR": true, "RESPONSE_ARGS": true, "RESPONSE_XML": true, "OUTBOUND_DATA_ERROR": true,
}

var errResponse = errors.New("variable of the response")

func parseVariable(name string) (variable, error) {
	upper := strings.ToUpper(name)
	if v, ok := byName[upper]; ok {
		return v, nil
	}
	if responseSide[upper] {
		return varNone, fmt.Errorf("%w: %s", errResponse, upper)
	}
	return varNone, fmt.Errorf("variable %q is not supported; take it out or use another", name)
}

// target is a variable that a rule looks at, with its selection.
type target struct {
	v      variable
	count  bool
	key    string // one member; empty: all
	rx     *regexp.Regexp
	except []exception
}

// exception takes members out of a target: all when both are zero.
type exception struct {
	key string // lower case
	rx  *regexp.Regexp
}

// excepted says whether a member is taken out; name is its name in lower case.
func excepted(list []exception, name string) bool {
	for i := range list {
		if list[i].takes(name) {
			return true
		}
	}
	return false
}

func (e *exception) takes(name string) bool {
	if e.rx != nil {
		return e.rx.MatchString(name)
	}
	return e.key == "" || e.key == name
}

// parseTargets reads VAR|VAR:key|&VAR|!VAR:/regex/ into the targets of a rule, which
// may have some already.
func parseTargets(have []target, text string) ([]target, error) {
	for rest := text; rest != ""; {
		var item string
		var err error
		if item, rest, err = cutTarget(rest); err != nil {
			return nil, err
		}
		if have, err = addTarget(have, item); err != nil {
			return nil, err
		}
	}
	if len(have) == 0 {
		return nil, errors.New("a rule needs a variable")
	}
	return have, nil
}

// cutTarget cuts the first target off; a | within a regular expression does not end it.
func cutTarget(text string) (item, rest string, err error) {
	inside, escaped := false, false
	for i := range len(text) {
		switch c := text[i]; {
		case inside && escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case inside && c == '/':
			inside = false
		case !inside && c == '/' && (strings.HasSuffix(text[:i], ":") || strings.HasSuffix(text[:i], ":'")) && !isXPath(text[:i]):
			inside = true
		case !inside && c == '|':
			return text[:i], text[i+1:], nil
		}
	}
	if inside {
		return "", "", fmt.Errorf("the regular expression in %q does not end", text)
	}
	return text, "", nil
}

func isXPath(head string) bool {
	return strings.HasSuffix(head, "XML:") || strings.HasSuffix(head, "JSON:")
}

func addTarget(have []target, item string) ([]target, error) {
	negated, count := strings.HasPrefix(item, "!"), strings.HasPrefix(item, "&")
	name, key, selected := strings.Cut(strings.TrimLeft(item, "!&"), ":")
	v, err := parseVariable(name)
	if err != nil {
		return nil, err
	}
	if selected && !v.keyed() {
		return nil, fmt.Errorf("%s has no members to select from", v.name())
	}
	key = strings.Trim(key, "'")
	var rx *regexp.Regexp
	if v != varXML && len(key) >= 2 && key[0] == '/' && key[len(key)-1] == '/' {
		pattern := key[1 : len(key)-1]
		if !v.exactCase() {
			pattern = strings.ToLower(pattern)
		}
		if rx, err = regexp.Compile(pattern); err != nil {
			return nil, fmt.Errorf("selector of %s: %w", v.name(), err)
		}
		key = ""
	}
	if v == varXML && key != "" && key != "/*" && key != "//@*" {
		return nil, fmt.Errorf("XPath %q is not supported; XML:/* and XML://@* are", key)
	}
	if negated {
		for i := range have {
			if have[i].v == v {
				have[i].except = append(have[i].except[:len(have[i].except):len(have[i].except)], exception{strings.ToLower(key), rx})
			}
		}
		return have, nil
	}
	if v != varArgsNames && v != varArgsGetNames && v != varArgsPostNames {
		key = strings.ToLower(key) // Coraza compares names of arguments with the case of the rule
	}
	return append(have, target{v: v, count: count, key: key, rx: rx}), nil
}
