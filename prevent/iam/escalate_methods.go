package iam

// method is a way to run code as a role: a service takes the role, and the
// attacker speaks through the service
// (https://pathfinding.cloud and the methods of Rhino Security Labs).
type method struct {
	service string   // principal that the role must trust
	actions []action // permissions besides iam:PassRole
	pass    bool     // the role is handed over anew, which needs iam:PassRole
	assumes string
}

// action is a permission with the resource that it is asked for; {account} is the
// attacker's. An empty resource is "*".
type action struct{ name, resource string }

func arnOf(service, resource string) string {
	return "arn:{partition}:" + service + ":*:{account}:" + resource
}

// methods hand a role to a service (pass) or use what runs as it already.
var methods = []method{
	{pass: true, service: "lambda.amazonaws.com", actions: []action{{"lambda:CreateFunction", arnOf("lambda", "function:*")}, {"lambda:InvokeFunction", arnOf("lambda", "function:*")}}},
	{pass: true, service: "lambda.amazonaws.com", actions: []action{{"lambda:CreateFunction", arnOf("lambda", "function:*")}, {"lambda:CreateEventSourceMapping", arnOf("lambda", "event-source-mapping:*")}}, assumes: "the role can read an event source"},
	{pass: true, service: "lambda.amazonaws.com", actions: []action{{"lambda:CreateFunction", arnOf("lambda", "function:*")}, {"lambda:AddPermission", arnOf("lambda", "function:*")}}},
	{pass: true, service: "lambda.amazonaws.com", actions: []action{{"lambda:UpdateFunctionConfiguration", arnOf("lambda", "function:*")}, {"lambda:UpdateFunctionCode", arnOf("lambda", "function:*")}, {"lambda:InvokeFunction", arnOf("lambda", "function:*")}}, assumes: "a function exists"},
	{pass: true, service: "ec2.amazonaws.com", actions: []action{{"ec2:RunInstances", arnOf("ec2", "instance/*")}}, assumes: "an instance profile with the role exists"},
	{pass: true, service: "ec2.amazonaws.com", actions: []action{{"ec2:RequestSpotInstances", arnOf("ec2", "spot-instances-request/*")}}, assumes: "an instance profile with the role exists"},
	{pass: true, service: "ec2.amazonaws.com", actions: []action{{"ec2:AssociateIamInstanceProfile", arnOf("ec2", "instance/*")}}, assumes: "an instance that the attacker reaches and an instance profile with the role exist"},
	{pass: true, service: "ec2.amazonaws.com", actions: []action{{"autoscaling:CreateLaunchConfiguration", arnOf("autoscaling", "launchConfiguration:*")}, {"autoscaling:CreateAutoScalingGroup", arnOf("autoscaling", "autoScalingGroup:*")}}, assumes: "an instance profile with the role exists"},
	{pass: true, service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:CreateStack", arnOf("cloudformation", "stack/*")}}},
	{pass: true, service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:UpdateStack", arnOf("cloudformation", "stack/*")}}, assumes: "a stack exists"},
	{pass: true, service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:CreateChangeSet", arnOf("cloudformation", "stack/*")}, {"cloudformation:ExecuteChangeSet", arnOf("cloudformation", "stack/*")}}},
	{pass: true, service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:CreateStackSet", ""}, {"cloudformation:CreateStackInstances", arnOf("cloudformation", "stackset/*")}}},
	{pass: true, service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:UpdateStackSet", arnOf("cloudformation", "stackset/*")}}, assumes: "a stack set exists"},
	{pass: true, service: "codebuild.amazonaws.com", actions: []action{{"codebuild:CreateProject", arnOf("codebuild", "project/*")}, {"codebuild:StartBuild", arnOf("codebuild", "project/*")}}},
	{pass: true, service: "codebuild.amazonaws.com", actions: []action{{"codebuild:CreateProject", arnOf("codebuild", "project/*")}, {"codebuild:StartBuildBatch", arnOf("codebuild", "project/*")}}},
	{pass: true, service: "codebuild.amazonaws.com", actions: []action{{"codebuild:UpdateProject", arnOf("codebuild", "project/*")}, {"codebuild:StartBuild", arnOf("codebuild", "project/*")}}, assumes: "a project exists"},
	{pass: true, service: "datapipeline.amazonaws.com", actions: []action{{"datapipeline:CreatePipeline", ""}, {"datapipeline:PutPipelineDefinition", arnOf("datapipeline", "pipeline/*")}, {"datapipeline:ActivatePipeline", arnOf("datapipeline", "pipeline/*")}}},
	{pass: true, service: "ecs-tasks.amazonaws.com", actions: []action{{"ecs:RegisterTaskDefinition", arnOf("ecs", "task-definition/*")}, {"ecs:RunTask", arnOf("ecs", "task-definition/*")}}, assumes: "a cluster exists, or the attacker can create one"},
	{pass: true, service: "ecs-tasks.amazonaws.com", actions: []action{{"ecs:RegisterTaskDefinition", arnOf("ecs", "task-definition/*")}, {"ecs:CreateService", arnOf("ecs", "service/*")}}, assumes: "a cluster exists, or the attacker can create one"},
	{pass: true, service: "ecs-tasks.amazonaws.com", actions: []action{{"ecs:RegisterTaskDefinition", arnOf("ecs", "task-definition/*")}, {"ecs:StartTask", arnOf("ecs", "task-definition/*")}}, assumes: "a cluster with an instance exists"},
	{pass: true, service: "glue.amazonaws.com", actions: []action{{"glue:CreateDevEndpoint", ""}}},
	{pass: true, service: "glue.amazonaws.com", actions: []action{{"glue:CreateJob", arnOf("glue", "job/*")}, {"glue:StartJobRun", arnOf("glue", "job/*")}}},
	{pass: true, service: "glue.amazonaws.com", actions: []action{{"glue:CreateJob", arnOf("glue", "job/*")}, {"glue:CreateTrigger", arnOf("glue", "trigger/*")}}},
	{pass: true, service: "glue.amazonaws.com", actions: []action{{"glue:UpdateJob", arnOf("glue", "job/*")}, {"glue:StartJobRun", arnOf("glue", "job/*")}}, assumes: "a job exists"},
	{pass: true, service: "glue.amazonaws.com", actions: []action{{"glue:UpdateJob", arnOf("glue", "job/*")}, {"glue:CreateTrigger", arnOf("glue", "trigger/*")}}, assumes: "a job exists"},
	{pass: true, service: "sagemaker.amazonaws.com", actions: []action{{"sagemaker:CreateNotebookInstance", arnOf("sagemaker", "notebook-instance/*")}, {"sagemaker:CreatePresignedNotebookInstanceUrl", arnOf("sagemaker", "notebook-instance/*")}}},
	{pass: true, service: "sagemaker.amazonaws.com", actions: []action{{"sagemaker:CreateTrainingJob", arnOf("sagemaker", "training-job/*")}}},
	{pass: true, service: "sagemaker.amazonaws.com", actions: []action{{"sagemaker:CreateProcessingJob", arnOf("sagemaker", "processing-job/*")}}},
	{pass: true, service: "tasks.apprunner.amazonaws.com", actions: []action{{"apprunner:CreateService", arnOf("apprunner", "service/*")}}},
	{pass: true, service: "bedrock-agentcore.amazonaws.com", actions: []action{{"bedrock-agentcore:CreateCodeInterpreter", arnOf("bedrock-agentcore", "code-interpreter-custom/*")}, {"bedrock-agentcore:StartCodeInterpreterSession", arnOf("bedrock-agentcore", "code-interpreter-custom/*")}, {"bedrock-agentcore:InvokeCodeInterpreter", arnOf("bedrock-agentcore", "code-interpreter-custom/*")}}},

	{service: "lambda.amazonaws.com", actions: []action{{"lambda:UpdateFunctionCode", arnOf("lambda", "function:*")}}, assumes: "a function that runs as the role exists and is called"},
	{service: "ec2.amazonaws.com", actions: []action{{"ssm:StartSession", arnOf("ec2", "instance/*")}}, assumes: "an instance that runs as the role exists and SSM manages it"},
	{service: "ec2.amazonaws.com", actions: []action{{"ssm:SendCommand", arnOf("ec2", "instance/*")}}, assumes: "an instance that runs as the role exists and SSM manages it"},
	{service: "ec2.amazonaws.com", actions: []action{{"ec2:ModifyInstanceAttribute", arnOf("ec2", "instance/*")}, {"ec2:StopInstances", arnOf("ec2", "instance/*")}, {"ec2:StartInstances", arnOf("ec2", "instance/*")}}, assumes: "an instance that runs as the role exists"},
	{service: "ec2.amazonaws.com", actions: []action{{"ec2:CreateLaunchTemplateVersion", arnOf("ec2", "launch-template/*")}, {"ec2:ModifyLaunchTemplate", arnOf("ec2", "launch-template/*")}}, assumes: "a launch template with the role is in use"},
	{service: "ec2.amazonaws.com", actions: []action{{"ec2-instance-connect:SendSSHPublicKey", arnOf("ec2", "instance/*")}}, assumes: "an instance that runs as the role exists and the attacker reaches it"},
	{service: "codebuild.amazonaws.com", actions: []action{{"codebuild:StartBuild", arnOf("codebuild", "project/*")}}, assumes: "a project that builds as the role exists"},
	{service: "codebuild.amazonaws.com", actions: []action{{"codebuild:StartBuildBatch", arnOf("codebuild", "project/*")}}, assumes: "a project that builds as the role exists"},
	{service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:UpdateStack", arnOf("cloudformation", "stack/*")}}, assumes: "a stack with the role exists"},
	{service: "cloudformation.amazonaws.com", actions: []action{{"cloudformation:CreateChangeSet", arnOf("cloudformation", "stack/*")}, {"cloudformation:ExecuteChangeSet", arnOf("cloudformation", "stack/*")}}, assumes: "a stack with the role exists"},
	{service: "glue.amazonaws.com", actions: []action{{"glue:UpdateDevEndpoint", arnOf("glue", "devEndpoint/*")}}, assumes: "a development endpoint that runs as the role exists"},
	{service: "sagemaker.amazonaws.com", actions: []action{{"sagemaker:CreatePresignedNotebookInstanceUrl", arnOf("sagemaker", "notebook-instance/*")}}, assumes: "a notebook that runs as the role exists"},
	{service: "sagemaker.amazonaws.com", actions: []action{{"sagemaker:CreateNotebookInstanceLifecycleConfig", arnOf("sagemaker", "notebook-instance-lifecycle-config/*")}, {"sagemaker:UpdateNotebookInstance", arnOf("sagemaker", "notebook-instance/*")}, {"sagemaker:StopNotebookInstance", arnOf("sagemaker", "notebook-instance/*")}, {"sagemaker:StartNotebookInstance", arnOf("sagemaker", "notebook-instance/*")}}, assumes: "a notebook that runs as the role exists"},
	{service: "tasks.apprunner.amazonaws.com", actions: []action{{"apprunner:UpdateService", arnOf("apprunner", "service/*")}}, assumes: "a service that runs as the role exists"},
	{service: "bedrock-agentcore.amazonaws.com", actions: []action{{"bedrock-agentcore:StartCodeInterpreterSession", arnOf("bedrock-agentcore", "code-interpreter-custom/*")}, {"bedrock-agentcore:InvokeCodeInterpreter", arnOf("bedrock-agentcore", "code-interpreter-custom/*")}}, assumes: "a code interpreter that runs as the role exists"},
}
