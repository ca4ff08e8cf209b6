// Command app is a small application to put the gateway in front of.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	addr := ":3000"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	s := &http.Server{Addr: addr, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "hello from the application: %s %s\n", r.Method, r.URL.Path)
	})}
	if err := s.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
