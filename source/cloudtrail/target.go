package cloudtrail

import "github.com/yagura-sec/yagura/ocsf"

// parameter is a request parameter that names the resource.
type parameter struct {
	name string
	kind string // CloudFormation type, as resources[].type has it
}

// targets are, for services whose management events carry no resources, the
// parameters that name what a call acts on: at most eight, the most telling first.
var targets = map[string][]parameter{
	"s3.amazonaws.com":             {{"bucketName", "AWS::S3::Bucket"}},
	"lambda.amazonaws.com":         {{"functionName", "AWS::Lambda::Function"}},
	"dynamodb.amazonaws.com":       {{"tableName", "AWS::DynamoDB::Table"}},
	"kms.amazonaws.com":            {{"keyId", "AWS::KMS::Key"}},
	"secretsmanager.amazonaws.com": {{"secretId", "AWS::SecretsManager::Secret"}},
	"sts.amazonaws.com":            {{"roleArn", "AWS::IAM::Role"}},
	"sns.amazonaws.com":            {{"topicArn", "AWS::SNS::Topic"}},
	"sqs.amazonaws.com":            {{"queueUrl", "AWS::SQS::Queue"}},
	"cloudtrail.amazonaws.com":     {{"name", "AWS::CloudTrail::Trail"}, {"trailName", "AWS::CloudTrail::Trail"}},
	"logs.amazonaws.com":           {{"logGroupName", "AWS::Logs::LogGroup"}},
	"rds.amazonaws.com":            {{"dBInstanceIdentifier", "AWS::RDS::DBInstance"}, {"dBClusterIdentifier", "AWS::RDS::DBCluster"}},
	"guardduty.amazonaws.com":      {{"detectorId", "AWS::GuardDuty::Detector"}},
	"iam.amazonaws.com": {
		{"userName", "AWS::IAM::User"}, {"roleName", "AWS::IAM::Role"}, {"groupName", "AWS::IAM::Group"}, {"policyArn", "AWS::IAM::ManagedPolicy"},
	},
	"ec2.amazonaws.com": {
		{"instanceId", "AWS::EC2::Instance"},
		{"groupId", "AWS::EC2::SecurityGroup"},
		{"snapshotId", "AWS::EC2::Snapshot"},
		{"volumeId", "AWS::EC2::Volume"},
		{"vpcId", "AWS::EC2::VPC"},
	},
}

// target takes the resource from the request parameters.
func (d *decoder) target(ev *ocsf.Event) {
	list := targets[ev.API.Service]
	if list == nil {
		return
	}
	d.part.ResetText(ev.Request)
	if !d.part.Object() {
		return
	}
	var room [8]string
	values := room[:len(list)]
	for d.part.Next() {
		for i := range list {
			if list[i].name == d.part.Key() {
				values[i], _ = d.part.Str()
				break
			}
		}
	}
	for i, v := range values {
		if v != "" {
			ev.Resource, ev.ResourceType = v, list[i].kind
			return
		}
	}
}
