package console

var pageTexts = map[string]text{}
