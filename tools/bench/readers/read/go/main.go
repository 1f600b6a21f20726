// Reader: Go's net/mail and mime/multipart.
// Input: messages, each behind its length in four bytes. Output: for each a byte, 1 where it
// opens a file: SIGNS (readers.ts) has the signs of it.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
)

type sign struct {
	whole bool
	bytes []byte
}

var signs []sign

func holds(file []byte) bool {
	for _, sign := range signs {
		if sign.whole && bytes.Equal(file, sign.bytes) || !sign.whole && bytes.Contains(file, sign.bytes) {
			return true
		}
	}
	return false
}

func decoded(encoding string, body io.Reader) []byte {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, _ := io.ReadAll(body) // what came before an error was opened
	return content
}

func opens(contentType string, encoding string, body io.Reader, depth int) bool {
	if depth > 50 {
		return false
	}
	kind, parameters, _ := mime.ParseMediaType(contentType)
	if strings.HasPrefix(kind, "multipart/") && parameters["boundary"] != "" {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return false
			}
			fields := part.Header
			if opens(fields.Get("Content-Type"), fields.Get("Content-Transfer-Encoding"), part, depth+1) {
				return true
			}
		}
	}
	content := decoded(encoding, body)
	if strings.HasPrefix(kind, "message/") && message(content, depth+1) {
		return true
	}
	return holds(content)
}

func message(raw []byte, depth int) bool {
	read, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return false
	}
	fields := read.Header
	return opens(fields.Get("Content-Type"), fields.Get("Content-Transfer-Encoding"), read.Body, depth)
}

func main() {
	lines, err := os.ReadFile(os.Getenv("SIGNS"))
	if err != nil {
		panic(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(lines)), "\n") {
		words := strings.Fields(line)
		content, err := hex.DecodeString(words[1])
		if err != nil {
			panic(err)
		}
		signs = append(signs, sign{words[0] == "is", content})
	}
	for {
		var length uint32
		if binary.Read(os.Stdin, binary.BigEndian, &length) != nil {
			return
		}
		raw := make([]byte, length)
		if _, err := io.ReadFull(os.Stdin, raw); err != nil {
			return
		}
		answer := []byte{0}
		if message(raw, 0) {
			answer[0] = 1
		}
		os.Stdout.Write(answer)
	}
}
