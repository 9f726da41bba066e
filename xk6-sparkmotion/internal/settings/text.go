package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sparkmotion/xk6-sparkmotion/xk6-sparkmotion/internal/hostname"
)

// text returns a text as the field's form has it: without the white space that files and terminals leave around it.
func (f *field) text(given string) (string, error) {
	if words := f.tag.Get("oneof"); words != "" {
		return given, oneOf(strings.Fields(words), given)
	}
	form, secret := f.tag.Get("form"), f.tag.Get("secret") != ""
	var text string
	switch {
	case form == "password":
		text = strings.Trim(given, "\r\n")
	case form != "" || secret:
		text = strings.TrimSpace(given)
	default:
		return given, nil
	}
	if err := visible(text); err != nil {
		return "", err
	}
	if !secret && len(text) > 1 && strings.ContainsAny(text[:1], `"'`) && text[0] == text[len(text)-1] {
		return "", errors.New("it is in quotes, which would be part of it: remove them")
	}
	if form == "host" && !hostname.Valid(hostname.Name(text)) {
		return "", errors.New("a host is expected, such as compassion.com, or a URL there") // not the value: a URL may hold a password
	}
	return text, nil
}

// visible refuses what is not seen in a text and changes it: a line break, another control character, or one without width.
func visible(text string) error {
	at := strings.IndexFunc(text, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) })
	if at < 0 {
		return nil
	}
	found := []rune(text[at:])[0]
	if strings.ContainsRune("\r\n\u2028\u2029", found) {
		return errors.New("it holds a line break: remove it")
	}
	where := "inside"
	switch {
	case at == 0:
		where = "at its start"
	case text[at:] == string(found):
		where = "at its end"
	}
	return fmt.Errorf("it holds an invisible character (%U) %s: remove it", found, where)
}

func oneOf(words []string, given string) error {
	if slices.Contains(words, given) {
		return nil
	}
	last := len(words) - 1
	return fmt.Errorf("must be %s or %s, got %q", strings.Join(words[:last], ", "), words[last], given)
}
