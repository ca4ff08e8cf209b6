package crs

import "github.com/yagura-sec/yagura/internal/transform"

// rule is a SecRule, SecAction or SecMarker; next is the rest of its chain.
type rule struct {
	id    int
	file  string
	line  int
	phase int
	head  int // id of the first rule of the chain

	marker  string
	targets []target
	chain   []step
	node    int   // of the chain of transformations among the engine's
	stages  []int // the chains whose result the operator looks at
	op      operator
	opName  string
	opArg   string
	negated bool

	multi, capture, chained bool
	log                     bool
	msg, logdata            *macro
	severity                int // -1: none
	tags                    []string
	effects                 []effect
	skip                    int
	skipAfter               string
	decision                string
	allow                   string
	status                  int
	next                    *rule

	filter int // of the prefilter, -1: the operator looks at every value
	jump   int // where skipAfter leads in the list of the phase
	index  int // in the list of the phase
	match  Match
}

// step is a transformation with its name in lower case.
type step struct {
	name string
	f    transform.Func
}

// effect is what a match does at once: it sets a variable or controls the engine.
type effect struct {
	set *setvar
	ctl *control
}

const responsePhase = 3
