package threat

import (
	"slices"
	"strings"
)

// administrators are the ends of the ARNs of AWS's policies that give
// administrator-like rights.
var administrators = []string{
	":policy/AdministratorAccess", ":policy/IAMFullAccess", ":policy/PowerUserAccess",
	":cluster-access-policy/AmazonEKSClusterAdminPolicy",
}

// adminARN says whether the request names one of them.
func adminARN(request string) bool {
	if !strings.Contains(request, "policy/") {
		return false
	}
	found := false
	leaves(request, func(_ []string, key, v string) {
		if strings.HasPrefix(v, "arn:") && arnAccount(v) == "" && strings.HasSuffix(strings.ToLower(key), "arn") {
			for _, a := range administrators {
				found = found || strings.HasSuffix(v, a)
			}
		}
	})
	return found
}

// admin says whether a policy gives administrator-like rights: everything, or
// everything in IAM, on all resources.
func admin(p policy) bool {
	for i := range p {
		st := &p[i]
		if !st.allow || len(st.principals) > 0 || !slices.Contains(st.resources, "*") && !st.notResource {
			continue
		}
		if st.notAction {
			if st.allows("iam:attachrolepolicy") && st.allows("iam:createuser") {
				return true
			}
			continue
		}
		for _, a := range st.actions {
			switch strings.ToLower(a) {
			case "*", "*:*", "iam:*":
				return true
			}
		}
	}
	return false
}

// escalations are the actions with which a principal can widen its own rights.
// Known from public research on IAM privilege escalation.
var escalations = []string{
	"iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:CreateAccessKey",
	"iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:CreateServiceSpecificCredential", "iam:DeleteRolePermissionsBoundary",
	"iam:DeleteUserPermissionsBoundary", "iam:PassRole", "iam:PutGroupPolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
	"iam:PutUserPermissionsBoundary", "iam:PutUserPolicy", "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy", "iam:UpdateLoginProfile",
	"glue:UpdateDevEndpoint", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "sagemaker:CreatePresignedNotebookInstanceUrl",
	"ssm:SendCommand", "ssm:StartSession", "sts:AssumeRole",
}

var escalationsFolded = func() []string {
	out := make([]string, len(escalations))
	for i, a := range escalations {
		out[i] = strings.ToLower(a)
	}
	return out
}()

// escalating adds the known escalation actions that a policy allows on all
// resources of a kind. PassRole bound to a service by a condition is ordinary.
func escalating(out []string, p policy) []string {
	for i := range p {
		st := &p[i]
		if !st.allow || len(st.principals) > 0 || !st.broad() {
			continue
		}
		for n, a := range escalationsFolded {
			if a == "iam:passrole" && len(st.conditions) > 0 || slices.Contains(out, escalations[n]) {
				continue
			}
			if st.allows(a) {
				out = append(out, escalations[n])
			}
		}
	}
	return out
}
