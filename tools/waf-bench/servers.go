package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// design is a server that could be started.
type design struct {
	name    string
	command []string
	address string         // empty: the first line that it prints
	files   [][2]string    // name in the folder of the run, and text
	missing string         // why it cannot be started
	counts  map[string]int // requests per turn, so that each turn takes about as long
	expect  map[string]int // status by kind
	loads   int            // starts to time
}

var (
	fast = map[string]int{"get": 4000, "json": 3000, "attack": 3000}
	slow = map[string]int{"get": 300, "json": 60, "attack": 200}
	pass = map[string]int{"get": 200, "json": 200, "attack": 200}
	stop = map[string]int{"get": 200, "json": 200, "attack": 403}
)

func designs(p *plan, dir, app string) []design {
	self, _ := os.Executable()
	yagura := func(name, waf, mode string, counts, expect map[string]int) design {
		address := free()
		config := fmt.Sprintf("listen: [{address: %q}]\nwatch: -1s\nlog: {file: {path: %s.log}, sample: {ALLOW: 0.01}}\nsites:\n  - hosts: [\"*\"]\n    mode: %q\n    waf: {%s}\n    backends: [{url: %q}]\n",
			address, name, mode, waf, app)
		return design{
			name: name, command: []string{p.program, "gateway", "--config", filepath.Join(dir, name+".yaml")}, address: address,
			files: [][2]string{{name + ".yaml", config}, {"acl.json", twentyRules()}}, counts: counts, expect: expect, loads: 3,
		}
	}
	return []design{
		{name: "proxy", command: []string{self, "-proxy", app}, counts: fast, expect: pass, loads: 1},
		yagura("gateway-off", "", "off", fast, pass),
		yagura("gateway-acl20", "acl: [acl.json]", "block", fast, stop),
		yagura("gateway-crs", "crs: {on: true}", "block", fast, stop),
		yagura("gateway-acl20-crs", "acl: [acl.json], crs: {on: true}", "block", fast, stop),
		yagura("gateway-coraza", "crs: {on: true, engine: coraza}", "block", slow, stop),
		modsecurity(dir, app),
	}
}

// modsecurity is Debian's nginx with ModSecurity and its Core Rule Set, one worker.
func modsecurity(dir, app string) design {
	d := design{name: "nginx-modsecurity", counts: slow, expect: stop, loads: 1, address: free()}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx")
	}
	const module, rules = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so", "/usr/share/modsecurity-crs/rules"
	for _, need := range []string{module, rules, "/etc/modsecurity/crs/crs-setup.conf"} {
		if _, failed := os.Stat(need); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		d.missing = "on Debian install nginx, libnginx-mod-http-modsecurity and modsecurity-crs (" + strings.ReplaceAll(err.Error(), "\n", "; ") + ")"
		return d
	}
	// The rules that ModSecurity itself recommends for reading bodies.
	d.files = [][2]string{{"modsecurity.conf", `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecResponseBodyAccess Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecAuditEngine Off
SecUnicodeMapFile /etc/nginx/unicode.mapping 20127
Include /etc/modsecurity/crs/crs-setup.conf
Include ` + rules + `/*.conf
`}, {"nginx.conf", `load_module ` + module + `;
daemon off;
worker_processes 1;
pid ` + dir + `/nginx.pid;
error_log ` + dir + `/nginx.error.log crit;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ` + dir + `/body; proxy_temp_path ` + dir + `/proxy; fastcgi_temp_path ` + dir + `/fcgi; uwsgi_temp_path ` + dir + `/uwsgi; scgi_temp_path ` + dir + `/scgi;
  upstream app { server ` + strings.TrimPrefix(app, "http://") + `; keepalive 16; }
  server {
    listen ` + d.address + `; keepalive_requests 1000000;
    modsecurity on; modsecurity_rules_file ` + dir + `/modsecurity.conf;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`}}
	if _, err := os.Stat("/etc/nginx/unicode.mapping"); err != nil {
		d.files[0][1] = strings.Replace(d.files[0][1], "SecUnicodeMapFile /etc/nginx/unicode.mapping 20127\n", "", 1)
	}
	d.command = []string{program, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "nginx.error.log")}
	return d
}

// free finds a port of loopback.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:18080"
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// server is a running design.
type server struct {
	*design
	url         string
	process     *exec.Cmd
	input       io.Closer
	load        []time.Duration // from the start of the process to the first answer
	fresh, used memory
	runs        map[string][]run
}

// start starts it as often as its load is to be timed, and leaves the last one.
func (d *design) start(dir string) (*server, error) {
	for _, f := range d.files {
		if err := os.WriteFile(filepath.Join(dir, f[0]), []byte(f[1]), 0o600); err != nil {
			return nil, err
		}
	}
	s := &server{design: d, runs: map[string][]run{}}
	for i := range max(1, d.loads) {
		if i > 0 {
			s.end()
		}
		begin := time.Now()
		if err := s.launch(dir); err != nil {
			return nil, err
		}
		s.load = append(s.load, time.Since(begin))
	}
	return s, nil
}

func (s *server) launch(dir string) error {
	c := exec.Command(s.command[0], s.command[1:]...) //nolint:gosec,noctx // The commands are those above; end ends them.
	said, err := os.Create(filepath.Join(dir, s.name+".stderr"))
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	c.Stderr = said
	if s.input, err = c.StdinPipe(); err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	s.process = c
	lines := bufio.NewReader(out)
	if s.url = "http://" + s.address; s.address == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		s.url = strings.TrimSpace(line)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		res, err := http.Get(s.url + "/") //nolint:noctx // Loopback.
		if err == nil {
			_ = res.Body.Close()
			return nil
		}
	}
	text, _ := os.ReadFile(said.Name())
	return fmt.Errorf("it does not answer: %s", text)
}

// end ends the process that was started here.
func (s *server) end() {
	if s.process == nil {
		return
	}
	_ = s.input.Close()
	_ = s.process.Process.Signal(syscall.SIGTERM)
	gone := time.AfterFunc(10*time.Second, func() { _ = s.process.Process.Kill() })
	_ = s.process.Wait()
	gone.Stop()
	s.process = nil
}

// pids are the process and its children, which are nginx's workers.
func (s *server) pids() []int {
	own := s.process.Process.Pid
	list := []int{own}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if f := stat(pid); len(f) > 3 && f[1] == strconv.Itoa(own) {
			list = append(list, pid)
		}
	}
	return list
}

// stat are the fields of /proc/PID/stat behind the name.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// cpu is the processor time spent, in ticks of 10 ms.
func (s *server) cpu() (sum time.Duration) {
	for _, pid := range s.pids() {
		if f := stat(pid); len(f) > 12 {
			user, _ := strconv.Atoi(f[11])
			system, _ := strconv.Atoi(f[12])
			sum += time.Duration(user+system) * 10 * time.Millisecond
		}
	}
	return sum
}

// memory is resident memory in kB: the process's own, and pages of files, which
// the kernel may drop and share.
type memory struct{ own, files int }

func (s *server) memory() (m memory) {
	for _, pid := range s.pids() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 2 || !slices.Contains([]string{"RssAnon:", "RssFile:"}, f[0]) {
				continue
			}
			n, _ := strconv.Atoi(f[1])
			if f[0] == "RssAnon:" {
				m.own += n
			} else {
				m.files += n
			}
		}
	}
	return m
}
