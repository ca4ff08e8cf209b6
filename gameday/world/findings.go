package world

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

// obj is a JSON object with members in alphabetical order, as Go's encoder writes maps.
type obj = map[string]any

// finding is what GuardDuty has to say, before it is written several times as its count grows.
type finding struct {
	site        *site
	kind        string
	severity    float64
	first, last int64 // first and last activity
	every       int64 // export period, seconds
	count       int   // at the end
	title, text string
	resource    obj
	action      obj
	causes      []int32 // truth actions
}

// findings records GuardDuty's findings, those of the incident and the ordinary ones, and their copies in Security Hub.
func (o *org) findings(c *incident) *output {
	out := newOutput()
	home := o.accounts[0].sites[0]
	r := o.key.Sub("findings").Rand()
	list := o.ordinary(home, r)
	who := obj{"accessKeyDetails": obj{"accessKeyId": c.who.key, "principalId": c.host.role.id + ":" + c.host.id, "userName": c.host.role.name, "userType": "AssumedRole"}, "resourceType": "AccessKey"}
	list = append(list, finding{
		site: home, kind: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", severity: 8, first: c.first, last: c.end, every: 900, count: c.count + 9,
		title: "Credentials for the EC2 instance role " + c.host.role.name + " were used from an external IP address.", text: "Credentials created exclusively for an EC2 instance using instance role " + c.host.role.name + " have been used from external IP address " + c.far + ".",
		resource: who, action: apiCall("sts.amazonaws.com", "GetCallerIdentity", c.far, c.farCountry),
	}, finding{
		site: home, kind: "Exfiltration:S3/AnomalousBehavior", severity: 8, first: c.first + 1500, last: c.end, every: 900, count: c.count,
		title: "Data was read from S3 in an unusual way by " + c.host.role.name + ".", text: "The API GetObject was called on bucket " + c.site.buckets[2].name + " in a volume that differs from the baseline of this principal.",
		resource: obj{"accessKeyDetails": who["accessKeyDetails"], "resourceType": "S3Bucket", "s3BucketDetails": []obj{{"arn": "arn:aws:s3:::" + c.site.buckets[2].name, "name": c.site.buckets[2].name, "type": "Destination"}}},
		action:   apiCall("s3.amazonaws.com", "GetObject", c.far, c.farCountry),
	})
	for i := range list {
		if list[i].first >= o.to {
			continue
		}
		o.export(out, &list[i], r)
	}
	o.controls(out, r)
	o.insights(out, c)
	return out
}

func apiCall(service, name, ip, country string) obj {
	return obj{"actionType": "AWS_API_CALL", "awsApiCallAction": obj{"api": name, "callerType": "Remote IP", "serviceName": service, "affectedResources": obj{}, "remoteIpDetails": remote(ip, country)}}
}

func remote(ip, country string) obj {
	return obj{"ipAddressV4": ip, "country": obj{"countryCode": country}, "organization": obj{"asn": "0", "asnOrg": "", "isp": "", "org": ""}}
}

func (o *org) ordinary(home *site, r *seed.Rand) []finding {
	var list []finding
	for _, i := range home.instances {
		if i.service != "bastion" {
			continue
		}
		inst := obj{"instanceDetails": obj{"instanceId": i.id, "instanceType": "t3.small", "instanceState": "running", "networkInterfaces": []obj{{"networkInterfaceId": i.eni, "privateIpAddress": i.ip, "subnetId": home.pool["subnet"][0], "vpcId": home.pool["vpc"][0], "securityGroups": []obj{{"groupId": home.pool["sg"][0], "groupName": "bastion"}}}}, "tags": []obj{{"key": "Env", "value": "prod"}}}, "resourceType": "Instance"}
		probe := obj{"actionType": "PORT_PROBE", "portProbeAction": obj{"blocked": true, "portProbeDetails": []obj{{"localPortDetails": obj{"port": 22, "portName": "SSH"}, "remoteIpDetails": remote(o.scanners[0].ip, o.scanners[0].country)}}}}
		list = append(list, finding{site: home, kind: "Recon:EC2/PortProbeUnprotectedPort", severity: 2, first: o.from + 3000, last: o.to - 9000, every: 21600, count: 90, title: "Unprotected port on EC2 instance " + i.id + " is being probed.", text: "EC2 instance has an unprotected port which is being probed by a known scanner.", resource: inst, action: probe})
	}
	t := o.from + 99*3600 + 700
	list = append(list, finding{site: home, kind: "Policy:IAMUser/RootCredentialUsage", severity: 2, first: t, last: t + 60, every: 3600, count: 8, title: "API GetAccountSummary was invoked using root credentials.", text: "API GetAccountSummary was invoked using root credentials from IP address " + o.offices[0] + ".", resource: obj{"accessKeyDetails": obj{"principalId": home.account.id, "userName": "Root", "userType": "Root"}, "resourceType": "AccessKey"}, action: apiCall("iam.amazonaws.com", "GetAccountSummary", o.offices[0], "JP")})
	for _, p := range o.people {
		if p.travel == "" {
			continue
		}
		t := o.from + 2*86400 + int64(r.IntN(40000)) + 20000
		list = append(list, finding{site: home, kind: "InitialAccess:IAMUser/AnomalousBehavior", severity: 5, first: t, last: t + 5000, every: 3600, count: 3, title: "User " + p.name + " is anomalously invoking APIs commonly used in Initial Access tactics.", text: "The principal called ConsoleLogin from a network that it did not use before.", resource: obj{"accessKeyDetails": obj{"principalId": home.account.permissionSet(p.team).id + ":" + p.name, "userName": home.account.permissionSet(p.team).name, "userType": "AssumedRole"}, "resourceType": "AccessKey"}, action: apiCall("signin.amazonaws.com", "ConsoleLogin", p.travel, p.travels)})
		break
	}
	return list
}

// export writes the finding when GuardDuty first has it, some minutes after the cause, and again whenever its count has grown by the
// export period; Security Hub gets each version a few minutes later.
func (o *org) export(out *output, f *finding, r *seed.Rand) {
	id := string(r.Hex(nil, 32))
	det := f.site.pool["detector"][0]
	arn := "arn:aws:guardduty:" + f.site.region + ":" + f.site.account.id + ":detector/" + det + "/finding/" + id
	created := f.first + 420 + int64(r.LogNorm(500, 0.5))
	stop := max(created, f.last+600)
	n := int64(0)
	for at := created; at <= stop && n < 40; at += f.every {
		n++
		seen := min(at-60, f.last)
		count := 1
		if f.last > f.first {
			count = 1 + int(float64(f.count-1)*float64(seen-f.first)/float64(f.last-f.first))
		}
		line := obj{
			"schemaVersion": "2.0", "accountId": f.site.account.id, "region": f.site.region, "partition": "aws", "id": id, "arn": arn, "type": f.kind, "severity": f.severity,
			"createdAt": milli(created), "updatedAt": milli(at), "title": f.title, "description": f.text, "resource": f.resource,
			"service": obj{"serviceName": "guardduty", "detectorId": det, "resourceRole": "TARGET", "eventFirstSeen": milli(f.first), "eventLastSeen": milli(seen), "archived": false, "count": count, "action": f.action, "additionalInfo": obj{"value": "{}", "type": "default"}},
		}
		add(out, stream{kind: srcGuardDuty, account: f.site.account.id, region: f.site.region}, at, line)
		o.hub(out, f.site, at+150+int64(r.IntN(200)), asff{
			id: arn, product: "aws/guardduty", generator: arn[:strings.Index(arn, "/finding/")], kind: "TTPs/" + strings.ReplaceAll(f.kind, ":", "/"), title: f.title, text: f.text, severity: f.severity, created: created, updated: at, resource: "AwsIamAccessKey", resourceID: "AWS::IAM::AccessKey:" + id[:20], status: "",
		}, r)
	}
}

func add(out *output, s stream, at int64, line obj) {
	b := out.batch(s)
	if b == nil {
		return
	}
	off := len(b.data)
	b.data = append(b.data, compact(line)...)
	b.data = append(b.data, '\n')
	b.add(at*1000, off, record{})
}

// compact is JSON on one line without HTML escapes. The values are made here and always encode.
func compact(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("{}")
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}

func milli(t int64) string {
	return time.UnixMilli(t*1000 + t%7*131).UTC().Format("2006-01-02T15:04:05.000Z")
}

// asff is a Security Hub finding before it is written in the AWS Security Finding Format.
type asff struct {
	id, product, generator, kind, title, text string
	severity                                  float64
	created, updated                          int64
	resource, resourceID, status              string
}

func (o *org) hub(out *output, s *site, at int64, f asff, r *seed.Rand) {
	label := "LOW"
	switch {
	case f.severity >= 9:
		label = "CRITICAL"
	case f.severity >= 7:
		label = "HIGH"
	case f.severity >= 4:
		label = "MEDIUM"
	}
	product := "arn:aws:securityhub:" + s.region + "::product/" + f.product
	body := obj{
		"SchemaVersion": "2018-10-08", "Id": f.id, "ProductArn": product, "ProductName": "Security Hub", "CompanyName": "AWS", "Region": s.region, "GeneratorId": f.generator, "AwsAccountId": s.account.id,
		"Types": []string{f.kind}, "CreatedAt": milli(f.created), "UpdatedAt": milli(f.updated), "FirstObservedAt": milli(f.created), "LastObservedAt": milli(f.updated),
		"Severity": obj{"Label": label, "Normalized": int(f.severity * 10), "Product": f.severity}, "Title": f.title, "Description": f.text,
		"Resources":   []obj{{"Type": f.resource, "Id": f.resourceID, "Partition": "aws", "Region": s.region}},
		"RecordState": "ACTIVE", "WorkflowState": "NEW", "Workflow": obj{"Status": "NEW"}, "ProductFields": obj{"aws/securityhub/FindingId": product + "/" + f.id, "aws/securityhub/ProductName": f.product},
	}
	if f.status != "" {
		body["Compliance"] = obj{"Status": f.status, "SecurityControlId": f.generator[strings.LastIndex(f.generator, "/")+1:]}
	}
	event := obj{
		"version": "0", "id": string(r.UUID(nil)), "detail-type": "Security Hub Findings - Imported", "source": "aws.securityhub", "account": s.account.id, "time": time.Unix(at, 0).UTC().Format(time.RFC3339), "region": s.region,
		"resources": []string{product + "/" + f.id}, "detail": obj{"findings": []obj{body}},
	}
	add(out, stream{kind: srcHub, account: s.account.id, region: s.region}, at, event)
}

var controls = []struct {
	id, title, resource string
	severity            float64
}{
	{"S3.5", "S3 general purpose buckets should require requests to use SSL", "AwsS3Bucket", 5}, {"S3.9", "S3 general purpose buckets should have server access logging enabled", "AwsS3Bucket", 5},
	{"EC2.8", "EC2 instances should use Instance Metadata Service Version 2 (IMDSv2)", "AwsEc2Instance", 7}, {"EC2.19", "Security groups should not allow unrestricted access to ports with high risk", "AwsEc2SecurityGroup", 9},
	{"IAM.3", "IAM users' access keys should be rotated every 90 days or less", "AwsIamUser", 5}, {"IAM.5", "MFA should be enabled for all IAM users that have a console password", "AwsIamUser", 5},
	{"RDS.3", "RDS DB instances should have encryption at-rest enabled", "AwsRdsDbInstance", 5}, {"KMS.4", "AWS KMS key rotation should be enabled", "AwsKmsKey", 5},
	{"CloudTrail.1", "CloudTrail should be enabled and configured with at least one multi-Region trail", "AwsAccount", 7}, {"Lambda.2", "Lambda functions should use supported runtimes", "AwsLambdaFunction", 5},
}

// controls adds the daily results of Security Hub's own checks.
func (o *org) controls(out *output, r *seed.Rand) {
	for _, a := range o.accounts {
		s := a.sites[0]
		for day := o.from; day < o.to; day += 86400 {
			for i, c := range controls {
				k := a.key.Sub("control", c.id).Rand()
				status, severity := "PASSED", 0.0
				if k.Bool(0.35) {
					status, severity = "FAILED", c.severity
				}
				created := o.from - int64(k.IntN(90))*86400
				at := day + 14000 + int64(r.IntN(5000)) + int64(i*40)
				o.hub(out, s, at, asff{
					id: "arn:aws:securityhub:" + s.region + ":" + a.id + ":security-control/" + c.id + "/finding/" + string(k.UUID(nil)), product: "aws/securityhub", generator: "security-control/" + c.id,
					kind: "Software and Configuration Checks/Industry and Regulatory Standards", title: c.title, text: "This control checks the setting named in its title.", severity: severity, created: created, updated: at, resource: c.resource, resourceID: o.checked(s, c.resource, k), status: status,
				}, r)
			}
		}
	}
}

func (o *org) checked(s *site, kind string, k *seed.Rand) string {
	arn := "arn:aws:ec2:" + s.region + ":" + s.account.id + ":"
	switch kind {
	case "AwsS3Bucket":
		return "arn:aws:s3:::" + s.buckets[k.IntN(len(s.buckets))].name
	case "AwsEc2Instance":
		if up := s.running("", o.from); len(up) > 0 {
			return arn + "instance/" + up[0].id
		}
	case "AwsEc2SecurityGroup":
		return arn + "security-group/" + s.pool["sg"][0]
	case "AwsIamUser":
		return s.account.user("svc-report-" + s.pool["app"][0]).arn
	case "AwsKmsKey":
		return "arn:aws:kms:" + s.region + ":" + s.account.id + ":key/" + s.pool["kms"][0]
	case "AwsLambdaFunction":
		return "arn:aws:lambda:" + s.region + ":" + s.account.id + ":function:" + s.pool["fn"][0]
	case "AwsRdsDbInstance":
		return "arn:aws:rds:" + s.region + ":" + s.account.id + ":db:" + s.pool["db"][0]
	}
	return "AWS::::Account:" + s.account.id
}
