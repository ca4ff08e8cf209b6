package wire

// AppendWAF writes the web ACL's log record of the hit as one JSON line.
func (h *Hit) AppendWAF(dst []byte) []byte {
	dst = append(dst, `{"timestamp":`...)
	dst = number(dst, h.At)
	dst = append(dst, `,"formatVersion":1,"webaclId":`...)
	dst = String(dst, h.ACL)
	action, rule, kind := "ALLOW", "Default_Action", "REGULAR"
	if h.Blocked() {
		action, rule, kind = "BLOCK", h.Rule, h.RuleKind
	}
	dst = Field(dst, "terminatingRuleId", rule)
	dst = Field(dst, "terminatingRuleType", kind)
	dst = Field(dst, "action", action)
	dst = append(dst, `,"terminatingRuleMatchDetails":[],"httpSourceName":"ALB","httpSourceId":"`...)
	dst = append(dst, h.Account...)
	dst = append(dst, '-')
	dst = append(dst, h.Balancer...)
	dst = append(dst, `","ruleGroupList":[`...)
	dst = h.appendGroups(dst)
	dst = append(dst, `],"rateBasedRuleList":[],"nonTerminatingMatchingRules":[`...)
	if h.Counted != "" {
		dst = append(dst, `{"ruleId":`...)
		dst = String(dst, h.Counted)
		dst = append(dst, `,"action":"COUNT","ruleMatchDetails":[]}`...)
	}
	dst = append(dst, `],"requestHeadersInserted":null,"responseCodeSent":`...)
	if h.Blocked() {
		dst = append(dst, "403"...)
	} else {
		dst = append(dst, "null"...)
	}
	dst = h.appendRequest(dst)
	dst = h.appendLabels(dst)
	dst = append(dst, `,"requestBodySize":`...)
	dst = number(dst, max(0, h.In-420))
	dst = append(dst, `,"requestBodySizeInspectedByWAF":`...)
	dst = number(dst, min(8192, max(0, h.In-420)))
	return append(dst, "}\n"...)
}

func (h *Hit) appendRequest(dst []byte) []byte {
	dst = append(dst, `,"httpRequest":{"clientIp":`...)
	dst = String(dst, h.Client)
	dst = Field(dst, "country", h.Country)
	dst = append(dst, `,"headers":[`...)
	first := true
	for _, f := range [...][2]string{{"host", h.Host}, {"user-agent", h.Agent}, {"accept", "*/*"}, {"accept-encoding", "gzip, deflate, br"}, {"referer", h.Referer}, {"cookie", h.Cookie}} {
		if f[1] == "" {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, `{"name":`...)
		dst = String(dst, f[0])
		dst = Field(dst, "value", f[1])
		dst = append(dst, '}')
	}
	dst = append(dst, `],"uri":`...)
	dst = String(dst, h.Path)
	dst = append(dst, `,"args":`...)
	dst = String(dst, h.Query)
	version := "HTTP/1.1"
	if h.browser() {
		version = "HTTP/2.0"
	}
	dst = Field(dst, "httpVersion", version)
	dst = Field(dst, "httpMethod", h.Method)
	dst = Field(dst, "requestId", h.TraceID[min(len(h.TraceID), len("Root=")):])
	dst = Field(dst, "fragment", "")
	dst = Field(dst, "scheme", "https")
	dst = Field(dst, "host", h.Host)
	return append(dst, '}')
}

// appendGroups lists the managed groups that looked at the request, up to the one that ended it.
func (h *Hit) appendGroups(dst []byte) []byte {
	for i, g := range h.Groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"ruleGroupId":`...)
		dst = String(dst, g)
		if g == h.Group2 {
			dst = append(dst, `,"terminatingRule":{"ruleId":`...)
			dst = String(dst, h.SubRule)
			dst = append(dst, `,"action":"BLOCK","ruleMatchDetails":null}`...)
		} else {
			dst = append(dst, `,"terminatingRule":null`...)
		}
		dst = append(dst, `,"nonTerminatingMatchingRules":[],"excludedRules":null,"customerConfig":null}`...)
		if g == h.Group2 {
			break
		}
	}
	return dst
}

func (h *Hit) appendLabels(dst []byte) []byte {
	if len(h.Labels) == 0 {
		return dst
	}
	dst = append(dst, `,"labels":[`...)
	for i, l := range h.Labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = String(dst, l)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
