package world

import (
	"github.com/yagura-sec/yagura/gameday/world/api"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// readObject records GetObject of one object of a bucket with what it causes: the KMS call of S3 on behalf of the caller, half of the time
// because of the bucket key, and the access log line hours later. A nil bucket picks one of the site. It returns the object's size.
func (e *emitter) readObject(who *session, site *site, b *bucket, t int64, key string) int64 {
	if b == nil {
		b = site.buckets[e.rng.IntN(len(site.buckets))]
	}
	o := b.keys[e.rng.Zipf(len(b.keys))]
	for _, k := range b.keys {
		if k.key == key {
			o = k
		}
	}
	if key == "" && e.rng.Bool(0.035) { // a name from yesterday's list
		o.key += ".old"
		return e.object(who, site, b, o, "GetObject", t, &noSuchKey)
	}
	return e.object(who, site, b, o, "GetObject", t, nil)
}

var noSuchKey = api.Failure{Code: "NoSuchKey", Message: api.Text("The specified key does not exist.")}

// object records one S3 data event and its companions; fail makes it a refused one.
func (e *emitter) object(who *session, site *site, b *bucket, o object, name string, t int64, fail *api.Failure) int64 {
	ev := e.base(who, site, "s3", name, t)
	host := b.name + ".s3." + site.region + ".amazonaws.com"
	p := append(e.vars.params[:0], `{"bucketName":"`...)
	p = append(p, b.name...)
	p = append(p, `","Host":"`...)
	p = append(p, host...)
	p = append(p, '"')
	if o.key != "" {
		p = wire.Field(p, "key", o.key)
	}
	switch name {
	case "PutObject":
		p = append(p, `,"x-amz-server-side-encryption":"aws:kms"`...)
	case "ListObjects":
		p = append(p, `,"list-type":"2","prefix":"","encoding-type":"url"`...)
	}
	p = append(p, '}')
	ev.Params, e.vars.params = p, p
	ev.ReadOnly = name != "PutObject" && name != "DeleteObject" && name != "CopyObject"
	if ev.TLSHost != "" {
		ev.TLSHost = host
	}
	size := o.size
	if !ev.ReadOnly || name == "HeadObject" {
		size = 0
	}
	if fail != nil {
		ev.ErrorCode, size = fail.Code, 0
		ev.ErrorMessage = string(fail.Message.Append(nil, &e.vars))
	}
	ev.Extra = e.dataExtra(ev, b, name, o.size, size, fail != nil)
	ev.Resources = append(e.vars.res[:0], `[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::`+b.name+`/`...)
	if o.key != "" && name != "ListObjects" {
		key := wire.String(nil, o.key)
		ev.Resources = append(ev.Resources, key[1:len(key)-1]...)
		ev.Resources = append(ev.Resources, `"},`...)
	} else {
		ev.Resources = append(e.vars.res[:0], '[')
	}
	ev.Resources = append(ev.Resources, `{"accountId":"`+site.account.id+`","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::`+b.name+`"}]`...)
	e.vars.res = ev.Resources
	if name == "PutObject" && fail == nil {
		ev.Response = []byte(`{"x-amz-server-side-encryption":"aws:kms"}`)
		if b.kms != "" {
			ev.Response = []byte(`{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:` + site.region + `:` + site.account.id + `:key/` + b.kms + `"}`)
		}
	}
	if out := e.trail(site); out != nil {
		e.finish(out, ev, t, "Data")
	}
	e.access(who, site, b, o, name, t, ev, size)
	if b.kms != "" && fail == nil && name != "ListObjects" && name != "HeadObject" && name != "DeleteObject" && e.rng.Bool(0.48) {
		e.keyTwin(who, site, b, o, name, t)
	}
	return size
}

func (e *emitter) dataExtra(ev *wire.Event, b *bucket, name string, full, out int64, failed bool) []byte {
	x := append(e.vars.extra[:0], `{"SignatureVersion":"SigV4","CipherSuite":"`...)
	if ev.TLS13 {
		x = append(x, "TLS_AES_128_GCM_SHA256"...)
	} else {
		x = append(x, "ECDHE-RSA-AES128-GCM-SHA256"...)
	}
	x = append(x, `","bytesTransferredIn":`...)
	if name == "PutObject" && !failed {
		x = appendInt(x, full)
	} else {
		x = append(x, '0')
	}
	if b.kms != "" && !failed {
		x = append(x, `,"SSEApplied":"SSE_KMS"`...)
	} else if !failed {
		x = append(x, `,"SSEApplied":"Default_SSE_S3"`...)
	}
	x = append(x, `,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"`...)
	x = e.rng.Base64(x, 75)
	x = append(x, `=","bytesTransferredOut":`...)
	if out == 0 {
		out = 243
	}
	x = appendInt(x, out)
	x = append(x, '}')
	e.vars.extra = x
	return x
}

// keyTwin is the KMS call that S3 makes with the caller's identity.
func (e *emitter) keyTwin(who *session, site *site, b *bucket, o object, name string, t int64) {
	op := "Decrypt"
	if name == "PutObject" || name == "CopyObject" {
		op = "GenerateDataKey"
	}
	out := e.trail(site)
	if out == nil {
		return
	}
	on := who.through("AWS Internal")
	e.vars.begin(site, on, t)
	ev := e.base(on, site, "kms", op, t)
	ev.ReadOnly = true
	ctx := wire.String(nil, "arn:aws:s3:::"+b.name+"/"+o.key)
	p := append(e.vars.params[:0], `{"encryptionContext":{"aws:s3:arn":`...)
	p = append(p, ctx...)
	if op == "Decrypt" {
		p = append(p, `},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}`...)
	} else {
		p = append(p, `},"keyId":"arn:aws:kms:`+site.region+`:`+site.account.id+`:key/`+b.kms+`","keySpec":"AES_256"}`...)
	}
	ev.Params, e.vars.params = p, p
	e.vars.set("kms", b.kms)
	e.decorate(ev, site, "kms")
	e.finish(out, ev, t, "Management")
}

// secret records GetSecretValue and the KMS call that Secrets Manager makes for it.
func (e *emitter) secret(who *session, site *site, arn string, t int64) {
	out := e.trail(site)
	if out == nil {
		return
	}
	e.vars.begin(site, who, t)
	ev := e.base(who, site, "secretsmanager", "GetSecretValue", t)
	ev.ReadOnly, ev.Params = true, []byte(`{"secretId":"`+arn+`"}`)
	e.finish(out, ev, t, "Management")
	if who.endpoint != "" {
		e.endpointTwin(who, site, "secretsmanager", "GetSecretValue", t, "")
	}
	if e.rng.Bool(0.7) {
		on := who.through("secretsmanager.amazonaws.com")
		e.vars.begin(site, on, t)
		ev = e.base(on, site, "kms", "Decrypt", t)
		ev.ReadOnly = true
		ev.Params = []byte(`{"encryptionContext":{"SecretARN":"` + arn + `","SecretVersionId":"` + string(e.rng.UUID(nil)) + `"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}`)
		e.decorate(ev, site, "kms")
		e.finish(out, ev, t, "Management")
	}
}

// endpointTwin is the network activity event of a call that went through an interface endpoint.
func (e *emitter) endpointTwin(who *session, site *site, service, name string, t int64, denied string) {
	out := e.trail(site)
	if out == nil || who.endpoint == "" {
		return
	}
	ev := e.base(who, site, service, name, t)
	ev.Type, ev.Agent, ev.TLSHost, ev.SharedID = "AwsVpceEvent", "", "", string(e.rng.UUID(nil))
	if denied != "" {
		ev.ErrorCode, ev.ErrorMessage = "VpceAccessDenied", denied
	}
	e.finish(out, ev, t, "NetworkActivity")
}

// invoke records a Lambda data event.
func (e *emitter) invoke(who *session, site *site, fn string, t int64) {
	out := e.trail(site)
	if out == nil {
		return
	}
	arn := "arn:aws:lambda:" + site.region + ":" + site.account.id + ":function:" + fn
	ev := e.base(who, site, "lambda", "Invoke", t)
	ev.Params = []byte(`{"functionName":"` + arn + `","invocationType":"Event","clientContext":""}`)
	ev.Resources = []byte(`[{"accountId":"` + site.account.id + `","type":"AWS::Lambda::Function","ARN":"` + arn + `"}]`)
	ev.Extra = []byte(`{"functionVersion":"` + arn + `:$LATEST"}`)
	ev.SharedID = string(e.rng.UUID(nil))
	e.finish(out, ev, t, "Data")
}

// access writes the server access log line of the request, which the delivery layer holds back for hours.
func (e *emitter) access(who *session, site *site, b *bucket, o object, name string, t int64, ev *wire.Event, sent int64) {
	if b.class != "personal" && b.class != "internal" {
		return
	}
	out := e.out.batch(stream{kind: srcAccess, account: site.account.id, region: site.region, sub: b.name})
	if out == nil || e.rng.Bool(0.004) { // best effort: a few lines never come
		return
	}
	op := map[string][2]string{"GetObject": {"REST.GET.OBJECT", "GET"}, "PutObject": {"REST.PUT.OBJECT", "PUT"}, "HeadObject": {"REST.HEAD.OBJECT", "HEAD"}, "ListObjects": {"REST.GET.BUCKET", "GET"}, "DeleteObject": {"REST.DELETE.OBJECT", "DELETE"}}[name]
	a := wire.Access{At: t, Owner: e.org.owner, Bucket: b.name, IP: who.ip, Requester: who.caller, RequestID: ev.RequestID, Operation: op[0], Method: op[1], Key: o.key, Status: 200, Sent: sent, Size: o.size, Took: 12 + int64(e.rng.LogNorm(24, 0.8)), Agent: ev.Agent, HostID: string(e.rng.Base64(nil, 75)) + "=", Host: b.name + ".s3." + site.region + ".amazonaws.com", TLS13: ev.TLS13}
	if who.service {
		a.IP = ""
	}
	if ev.ErrorCode != "" {
		a.Status, a.Error, a.Size, a.Sent = 403, ev.ErrorCode, 0, 243
		if ev.ErrorCode == noSuchKey.Code {
			a.Status = 404
		}
	}
	if name == "ListObjects" {
		a.Query, a.Size, a.Key = "list-type=2&prefix=&encoding-type=url", 0, ""
	}
	off := len(out.data)
	out.data = a.Append(out.data)
	out.add(t*1000, off, record{action: e.act, id: ""})
	if e.rng.Bool(0.003) { // and a few come twice
		off = len(out.data)
		out.data = a.Append(out.data)
		out.add(t*1000, off, record{action: e.act})
	}
}
