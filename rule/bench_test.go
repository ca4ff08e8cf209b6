package rule_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// traffic is the calls of an ordinary account, the most frequent first.
var traffic = []struct {
	service, operation, parameters string
	weight                         int
}{
	{"sts", "AssumeRole", `{"roleArn":"arn:aws:iam::111122223333:role/app-%d","roleSessionName":"session-%d","durationSeconds":3600}`, 25},
	{"kms", "Decrypt", `{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::data/%d"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}`, 20},
	{"s3", "GetObject", `{"bucketName":"data-%d","key":"2026/05/%d.parquet","Host":"data.s3.amazonaws.com"}`, 20},
	{"ec2", "DescribeInstances", `{"instancesSet":{"items":[{"instanceId":"i-%d"}]},"filterSet":{"items":[]}}`, 10},
	{"s3", "PutObject", `{"bucketName":"data-%d","key":"out/%d.csv","x-amz-server-side-encryption":"aws:kms"}`, 5},
	{"logs", "CreateLogStream", `{"logGroupName":"/aws/lambda/f-%d","logStreamName":"2026/05/04/[$LATEST]%d"}`, 5},
	{"iam", "GetRole", `{"roleName":"app-%d"}`, 5},
	{"ssm", "UpdateInstanceInformation", `{"instanceId":"i-%d","agentVersion":"3.2.%d","agentStatus":"Active"}`, 5},
	{"lambda", "ListFunctions20150331", `{"maxItems":50,"marker":"%d"}`, 3},
	{"iam", "AttachRolePolicy", `{"roleName":"app-%d","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}`, 1},
	{"ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-%d","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}}`, 1},
}

func benchEvents(b *testing.B, count int) []ocsf.Event {
	r := rand.New(rand.NewPCG(1, 2))
	agents := []string{
		"aws-sdk-java/1.12.560 Linux/5.10 OpenJDK_64-Bit_Server_VM/17 cfg/retry-mode/standard", "aws-cli/2.15.0 Python/3.11.6 Linux/5.10 exe/x86_64.amzn.2 prompt/off command/s3.cp",
		"Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#5.10 md/arch#x86_64 lang/python#3.11", "APN/1.0 HashiCorp/1.0 Terraform/1.6.0 terraform-provider-aws/5.30.0 aws-sdk-go/1.48",
		"[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12]", "lambda.amazonaws.com",
	}
	var records []string
	for i := range count {
		n, call := r.IntN(100), traffic[0]
		for _, c := range traffic {
			if call = c; n < c.weight {
				break
			}
			n -= c.weight
		}
		parameters := call.parameters
		for strings.Contains(parameters, "%d") {
			parameters = strings.Replace(parameters, "%d", fmt.Sprint(r.IntN(1000)), 1)
		}
		records = append(records, fmt.Sprintf(`{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE%d:session","arn":"arn:aws:sts::111122223333:assumed-role/app-%d/session","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/app","accountId":"111122223333","userName":"app"},"webIdFederationData":{},"attributes":{"creationDate":"2026-05-04T09:00:00Z","mfaAuthenticated":"false"}}},"eventTime":"2026-05-04T10:%02d:%02dZ","eventSource":"%s.amazonaws.com","eventName":"%s","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.%d","userAgent":%q,"requestParameters":%s,"responseElements":null,"requestID":"r-%d","eventID":"e-%d","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s.us-east-1.amazonaws.com"}}`,
			r.IntN(500), r.IntN(500), r.IntN(500), r.IntN(60), r.IntN(60), call.service, call.operation, r.IntN(255), agents[r.IntN(len(agents))], parameters, i, i, call.service))
	}
	return decode(b, records...)
}

// benchRules makes rules as people write them: most name a rare operation; some
// ask for a user agent, an identity, an error or a derived field alone, and their
// share stays the same. Eight look into the record of the most frequent calls,
// however many rules there are: those calls are few.
func benchRules(b *testing.B, count int) []*sigma.Document {
	var docs []*sigma.Document
	for i := range count {
		call := traffic[i%len(traffic)]
		selection := ""
		switch {
		case i < 96 && i%12 == 0:
			selection = fmt.Sprintf("sel: {eventSource: %s.amazonaws.com, eventName: %s, 'requestParameters.policyArn|contains': [AdministratorAccess, 'Power%d']}", call.service, call.operation, i)
		case i%25 == 1:
			selection = fmt.Sprintf("sel: {userAgent|contains: ['evil-tool-%d', 'kali%d', pacu]}", i, i)
		case i%50 == 2:
			selection = fmt.Sprintf("sel: {userIdentity.type: Root, eventName|startswith: 'Create%d'}", i)
		case i%100 == 3:
			selection = "sel: {yagura.tool: pacu}"
		case i%100 == 4:
			selection = fmt.Sprintf("sel: {errorCode|re: '^(AccessDenied|Unauthorized%d)', readOnly: true}", i)
		case i%25 == 5:
			selection = fmt.Sprintf("sel: {eventSource: %s.amazonaws.com, errorCode: [AccessDenied, UnauthorizedOperation], userIdentity.arn|contains: 'x%d'}", call.service, i)
		default:
			selection = fmt.Sprintf("sel: {eventSource: service%d.amazonaws.com, eventName: [Delete%d, Put%d, Update%d]}\n  f: {errorCode|exists: true}", i%40, i, i, i)
		}
		condition := "sel"
		if strings.Contains(selection, "f: ") {
			condition = "sel and not f"
		}
		text := fmt.Sprintf("title: T\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  %s\n  condition: %s\n", selection, condition)
		got, problems := sigma.Parse("f", fmt.Sprint("r", i), []byte(text))
		if len(problems) > 0 {
			b.Fatal(problems, text)
		}
		docs = append(docs, got...)
	}
	return docs
}

func BenchmarkMatch(b *testing.B) {
	events := benchEvents(b, 5000)
	for _, count := range []int{100, 200, 1000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			set, problems := rule.Compile(benchRules(b, count), twinConfig)
			if len(set.Rules()) != count {
				b.Fatal(problems)
			}
			m, hits, i := set.Matcher(), 0, 0
			b.ReportAllocs()
			for b.Loop() {
				m.Match("cloudtrail", &events[i], func(*rule.Hit) { hits++ })
				if i++; i == len(events) {
					i = 0
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
