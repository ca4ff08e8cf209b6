package world

// kind is the log source of a record.
type kind uint8

const (
	srcTrail kind = iota
	srcInsight
	srcFlow
	srcALB
	srcWAF
	srcDNS
	srcAccess
	srcGuardDuty
	srcHub
	srcConfig
	kinds
)

var kindNames = [kinds]string{"cloudtrail", "cloudtrail-insight", "vpcflow", "alb", "waf", "route53resolver", "s3access", "guardduty", "securityhub", "config"}

// stream is one sequence of objects in the log bucket.
type stream struct {
	kind    kind
	account string
	region  string
	sub     string // VPC, load balancer node or bucket, where the source has one object sequence for each
}

// record is one native record inside a batch.
type record struct {
	at       int64 // unix milliseconds
	off, len int32
	id       string // the record's own id where the truth needs it; empty means its line number
	action   int32  // index of the true action plus one; 0 is benign. more are further ones that share the record
	more     []int32
	mgmt     bool // a management event, which a second trail may repeat
}

// batch is the records of one stream from one job, with their bytes in one arena.
type batch struct {
	data []byte
	recs []record
}

// text returns the bytes of a record.
func (b *batch) text(r record) []byte { return b.data[r.off : r.off+r.len] }

// output collects what one job writes. keep, when set, says which stream is wanted, and max ends the job when it is full.
type output struct {
	streams map[stream]*batch
	order   []stream
	only    *stream
	max     int
}

func newOutput() *output { return &output{streams: map[stream]*batch{}, max: 1 << 40} }

// batch returns the batch of a stream, or nil when the job does not want it.
func (o *output) batch(s stream) *batch {
	if o.only != nil && s != *o.only {
		return nil
	}
	b := o.streams[s]
	if b == nil {
		b = &batch{}
		o.streams[s] = b
		o.order = append(o.order, s)
	}
	if len(b.recs) >= o.max {
		return nil
	}
	return b
}

// add closes a record whose bytes were appended to b.data from off on.
func (b *batch) add(at int64, off int, r record) {
	r.at, r.off, r.len = at, int32(off), int32(len(b.data)-off)
	b.recs = append(b.recs, r)
}
