package call

import (
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// settled are the keys that every record settles, be it by their absence.
var settled = []string{
	"aws:RequestedRegion", "aws:SourceVpce", "aws:UserAgent", "aws:CurrentTime", "aws:EpochTime", "aws:ViaAWSService",
	"aws:MultiFactorAuthPresent", "aws:TokenIssueTime", "aws:SourceIdentity", "aws:userid",
}

// context gathers the keys that a record tells, and those that it settles.
func (c *Call) context(r *Record) {
	c.Context = make([]access.Value, 0, 12)
	texts := make([]string, 0, 16) // one array for all values
	one := func(key, value string) {
		if value != "" {
			texts = append(texts, value)
			c.Context = append(c.Context, access.Value{Key: key, Values: texts[len(texts)-1 : len(texts) : len(texts)]})
		}
	}
	i := &r.Identity
	c.Known = append(make([]string, 0, len(settled)+6), settled...)
	one("aws:RequestedRegion", r.Region)
	if a := r.address(); a != "" {
		if r.VPCE == "" {
			one("aws:SourceIp", a)
		} else {
			one("aws:VpcSourceIp", a)
			c.Known = append(c.Known, "aws:SourceIp")
		}
	}
	if r.VPCE == "" {
		c.Known = append(c.Known, "aws:SourceVpc", "aws:VpcSourceIp")
	}
	one("aws:SourceVpce", r.VPCE)
	one("aws:UserAgent", r.Agent)
	one("aws:CurrentTime", r.Time.UTC().Format(time.RFC3339))
	one("aws:EpochTime", strconv.FormatInt(r.Time.Unix(), 10))
	one("aws:userid", i.PrincipalID)
	one("aws:SourceIdentity", i.SourceIdentity)
	if r.TLS {
		one("aws:SecureTransport", "true")
	}
	if i.Type == "AssumedRole" && strings.Contains(i.Issuer, ":role/") {
		one("aws:PrincipalArn", i.Issuer)
	}
	via := i.Type != "AWSService" && strings.HasSuffix(i.InvokedBy, ".amazonaws.com")
	one("aws:ViaAWSService", strconv.FormatBool(via))
	if via {
		c.Context = append(c.Context, access.Value{Key: "aws:CalledVia", Values: []string{i.InvokedBy}, Multi: true})
		one("aws:CalledViaLast", i.InvokedBy)
	} else {
		c.Known = append(c.Known, "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast")
	}
	if i.Created == "" {
		return
	}
	one("aws:TokenIssueTime", i.Created)
	one("aws:MultiFactorAuthPresent", i.MFA)
	if made, err := time.Parse(time.RFC3339, i.Created); err == nil && i.MFA == "true" {
		one("aws:MultiFactorAuthAge", strconv.FormatInt(int64(r.Time.Sub(made)/time.Second), 10))
	}
}
