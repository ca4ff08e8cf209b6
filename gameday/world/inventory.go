package world

import (
	"fmt"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

const (
	typeInstance = "AWS::EC2::Instance"
	typeGroup    = "AWS::EC2::SecurityGroup"
	typeBucket   = "AWS::S3::Bucket"
	typeFunction = "AWS::Lambda::Function"
	typeKey      = "AWS::KMS::Key"
	typeRole     = "AWS::IAM::Role"
)

// recordInventory writes what AWS Config delivers: a snapshot of each site every day, and every six hours the history of the resource
// types in which something changed. Paths have unpadded months and days, as Config's own.
func (p *production) recordInventory() error {
	for _, a := range p.org.accounts {
		for _, s := range a.sites[:2] {
			r := s.key.Sub("config").Rand()
			for t := p.org.from; t < p.org.to; t += 6 * 3600 {
				if (t-p.org.from)%86400 == 0 {
					if err := p.snapshot(s, t+3600*int64(r.Between(2, 3))+int64(r.IntN(3000)), r); err != nil {
						return err
					}
				}
				if err := p.history(s, t, t+6*3600, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func configKey(s *site, folder, name string, t int64) string {
	at := time.Unix(t, 0).UTC()
	return fmt.Sprintf("AWSLogs/%s/Config/%s/%d/%d/%d/%s/%s_Config_%s_%s_%s.json.gz", s.account.id, s.region, at.Year(), at.Month(), at.Day(), folder, s.account.id, s.region, folder, name)
}

func (p *production) snapshot(s *site, t int64, r *seed.Rand) error {
	var items []obj
	for _, i := range s.running("", t) {
		items = append(items, instanceItem(s, i, t, "OK"))
	}
	for n, id := range s.pool["sg"] {
		items = append(items, p.groupItem(s, id, n, t, "OK", 0))
	}
	for _, b := range s.buckets {
		items = append(items, bucketItem(p.org, s, b, t))
	}
	for _, fn := range s.pool["fn"] {
		c := obj{"functionName": fn, "runtime": "python3.13", "role": "arn:aws:iam::" + s.account.id + ":role/" + s.pool["role"][0], "handler": "app.handler", "timeout": 30, "memorySize": 512, "packageType": "Zip"}
		items = append(items, configItem(s, typeFunction, fn, fn, "arn:aws:lambda:"+s.region+":"+s.account.id+":function:"+fn, t, "OK", c))
	}
	for _, id := range s.pool["kms"] {
		c := obj{"keyId": id, "enabled": true, "keyUsage": "ENCRYPT_DECRYPT", "keyState": "Enabled", "origin": "AWS_KMS", "keyManager": "CUSTOMER", "multiRegion": false}
		items = append(items, configItem(s, typeKey, id, "", "arn:aws:kms:"+s.region+":"+s.account.id+":key/"+id, t, "OK", c))
	}
	if s.region == regions[0] {
		for _, name := range append([]string{"web-instance-role", "batch-instance-role"}, s.pool["role"]...) {
			ro := s.account.role(name)
			c := obj{"roleName": name, "roleId": ro.id, "arn": ro.arn, "path": "/", "attachedManagedPolicies": []obj{}, "rolePolicyList": []obj{}}
			it := configItem(s, typeRole, ro.id, name, ro.arn, t, "OK", c)
			it["awsRegion"], it["availabilityZone"] = "global", "Not Applicable"
			items = append(items, it)
		}
	}
	id := string(r.UUID(nil))
	body := compact(obj{"fileVersion": "1.0", "configSnapshotId": id, "configurationItems": items})
	at := time.Unix(t, 0).UTC().Format("20060102T150405Z")
	return p.writer.put(kindNames[srcConfig], configKey(s, "ConfigSnapshot", at+"_"+id, t), body, len(items), false)
}

func (p *production) history(s *site, from, to int64, r *seed.Rand) error {
	changed := map[string][]obj{}
	for _, i := range s.instances {
		if i.born >= from && i.born < to {
			changed[typeInstance] = append(changed[typeInstance], instanceItem(s, i, i.born+int64(r.Between(60, 400)), "ResourceDiscovered"))
		}
		if i.died >= from && i.died < to {
			gone := configItem(s, typeInstance, i.id, "", arnOf(s, "instance/"+i.id), i.died+int64(r.Between(60, 400)), "ResourceDeleted", nil)
			changed[typeInstance] = append(changed[typeInstance], gone)
		}
	}
	if r.Bool(0.3) {
		n := r.IntN(len(s.pool["sg"]))
		changed[typeGroup] = append(changed[typeGroup], p.groupItem(s, s.pool["sg"][n], n, from+int64(r.IntN(20000)), "OK", 1+r.IntN(9)))
	}
	for _, kind := range []string{typeInstance, typeGroup} {
		items := changed[kind]
		if len(items) == 0 {
			continue
		}
		stamp := "20060102T150405Z"
		name := kind + "_" + time.Unix(from, 0).UTC().Format(stamp) + "_" + time.Unix(to, 0).UTC().Format(stamp) + "_1"
		body := compact(obj{"fileVersion": "1.0", "configurationItems": items})
		if err := p.writer.put(kindNames[srcConfig], configKey(s, "ConfigHistory", name, from), body, len(items), false); err != nil {
			return err
		}
	}
	return nil
}

func arnOf(s *site, rest string) string {
	return "arn:aws:ec2:" + s.region + ":" + s.account.id + ":" + rest
}

func configItem(s *site, kind, id, name, arn string, t int64, status string, configuration obj) obj {
	it := obj{
		"configurationItemVersion": "1.3", "configurationItemCaptureTime": milli(t), "configurationItemStatus": status, "configurationStateId": t*1000 + t%7*131, "awsAccountId": s.account.id,
		"resourceType": kind, "resourceId": id, "ARN": arn, "awsRegion": s.region, "availabilityZone": "Regional", "tags": obj{"Env": s.account.env}, "relatedEvents": []string{}, "relationships": []obj{},
		"supplementaryConfiguration": obj{}, "configurationStateMd5Hash": "",
	}
	if name != "" {
		it["resourceName"] = name
	}
	if configuration != nil {
		it["configuration"] = configuration
	}
	return it
}

func instanceItem(s *site, i *instance, t int64, status string) obj {
	c := obj{
		"instanceId": i.id, "imageId": s.pool["ami"][0], "instanceType": "m7g.large", "launchTime": milli(i.born), "privateIpAddress": i.ip, "state": obj{"code": 16, "name": "running"}, "subnetId": s.pool["subnet"][0], "vpcId": s.pool["vpc"][0],
		"iamInstanceProfile": obj{"arn": "arn:aws:iam::" + s.account.id + ":instance-profile/" + i.role.name}, "metadataOptions": obj{"state": "applied", "httpTokens": "optional", "httpPutResponseHopLimit": 2, "httpEndpoint": "enabled"},
		"networkInterfaces": []obj{{"networkInterfaceId": i.eni, "privateIpAddress": i.ip, "subnetId": s.pool["subnet"][0], "vpcId": s.pool["vpc"][0]}}, "securityGroups": []obj{{"groupId": s.pool["sg"][0], "groupName": i.service}},
	}
	it := configItem(s, typeInstance, i.id, "", arnOf(s, "instance/"+i.id), t, status, c)
	it["availabilityZone"], it["resourceCreationTime"] = s.pool["az"][0], milli(i.born)
	it["relationships"] = []obj{{"resourceType": "AWS::EC2::NetworkInterface", "resourceId": i.eni, "relationshipName": "Contains NetworkInterface"}, {"resourceType": typeGroup, "resourceId": s.pool["sg"][0], "relationshipName": "Is associated with SecurityGroup"}, {"resourceType": "AWS::EC2::VPC", "resourceId": s.pool["vpc"][0], "relationshipName": "Is contained in Vpc"}}
	return it
}

func (p *production) groupItem(s *site, id string, n int, t int64, status string, extra int) obj {
	rules := []obj{{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "ipv4Ranges": []obj{{"cidrIp": "0.0.0.0/0"}}, "ipv6Ranges": []obj{}, "prefixListIds": []obj{}, "userIdGroupPairs": []obj{}}}
	if n > 0 {
		rules = []obj{{"ipProtocol": "tcp", "fromPort": 8080, "toPort": 8080, "ipv4Ranges": []obj{}, "ipv6Ranges": []obj{}, "prefixListIds": []obj{}, "userIdGroupPairs": []obj{{"groupId": s.pool["sg"][0], "userId": s.account.id}}}}
	}
	if extra > 0 {
		rules = append(rules, obj{"ipProtocol": "tcp", "fromPort": 8000 + extra, "toPort": 8000 + extra, "ipv4Ranges": []obj{{"cidrIp": p.org.offices[0] + "/32"}}, "ipv6Ranges": []obj{}, "prefixListIds": []obj{}, "userIdGroupPairs": []obj{}})
	}
	name := s.pool["app"][n%len(s.pool["app"])]
	c := obj{"groupId": id, "groupName": name, "description": "Managed by Terraform", "ownerId": s.account.id, "vpcId": s.pool["vpc"][0], "ipPermissions": rules, "ipPermissionsEgress": []obj{{"ipProtocol": "-1", "ipv4Ranges": []obj{{"cidrIp": "0.0.0.0/0"}}}}}
	return configItem(s, typeGroup, id, name, arnOf(s, "security-group/"+id), t, status, c)
}

func bucketItem(o *org, s *site, b *bucket, t int64) obj {
	it := configItem(s, typeBucket, b.name, b.name, "arn:aws:s3:::"+b.name, t, "OK", obj{"name": b.name, "owner": obj{"id": o.owner}, "creationDate": milli(o.from - 86400*300)})
	enc := `{"rules":[{"applyServerSideEncryptionByDefault":{"sseAlgorithm":"AES256","kmsMasterKeyID":null},"bucketKeyEnabled":false}]}`
	if b.kms != "" {
		enc = `{"rules":[{"applyServerSideEncryptionByDefault":{"sseAlgorithm":"aws:kms","kmsMasterKeyID":"arn:aws:kms:` + s.region + `:` + s.account.id + `:key/` + b.kms + `"},"bucketKeyEnabled":true}]}`
	}
	it["supplementaryConfiguration"] = obj{"ServerSideEncryptionConfiguration": enc, "PublicAccessBlockConfiguration": `{"blockPublicAcls":true,"ignorePublicAcls":true,"blockPublicPolicy":` + fmt.Sprint(b.class != "public") + `,"restrictPublicBuckets":` + fmt.Sprint(b.class != "public") + `}`, "BucketLoggingConfiguration": `{"destinationBucketName":` + target(b, o) + `,"logFilePrefix":null}`}
	it["tags"] = obj{"Env": s.account.env, "Class": b.class}
	return it
}

func target(b *bucket, o *org) string {
	if b.class == "personal" || b.class == "internal" {
		return `"` + strings.ToLower(o.name) + `-org-logs"`
	}
	return "null"
}
