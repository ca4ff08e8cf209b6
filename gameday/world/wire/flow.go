package wire

// FlowHeader is the first line of a flow log file in S3 with the default (version 2) fields.
const FlowHeader = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"

// Flow is one VPC flow log record, version 2.
type Flow struct {
	Account, Interface string
	Src, Dst           string // addresses; empty for a record without data
	SrcPort, DstPort   int
	Protocol           int // IANA number
	Packets, Bytes     int64
	Start, End         int64 // unix seconds
	Reject             bool
	Status             string // "", NODATA or SKIPDATA; "" means OK
}

// Append writes the record and its newline.
func (f *Flow) Append(dst []byte) []byte {
	dst = append(dst, "2 "...)
	dst = append(dst, f.Account...)
	dst = append(dst, ' ')
	dst = append(dst, f.Interface...)
	if f.Status != "" {
		dst = append(dst, " - - - - - - - "...)
		dst = number(dst, f.Start)
		dst = append(dst, ' ')
		dst = number(dst, f.End)
		dst = append(dst, " - "...)
		dst = append(dst, f.Status...)
		return append(dst, '\n')
	}
	dst = append(dst, ' ')
	dst = append(dst, f.Src...)
	dst = append(dst, ' ')
	dst = append(dst, f.Dst...)
	for _, v := range [...]int64{int64(f.SrcPort), int64(f.DstPort), int64(f.Protocol), f.Packets, f.Bytes, f.Start, f.End} {
		dst = append(dst, ' ')
		dst = number(dst, v)
	}
	if f.Reject {
		return append(dst, " REJECT OK\n"...)
	}
	return append(dst, " ACCEPT OK\n"...)
}
