// The same jobs in Go, with its standard library: net/http, encoding/json, encoding/csv.
//
//	peer import|export URL IN_FLIGHT ROWS FILE
package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type member struct {
	Email  string            `json:"email"`
	Phone  string            `json:"phone,omitempty"`
	Name   string            `json:"name,omitempty"`
	Fields map[string]string `json:"fields"`
	Tags   []string          `json:"tags"`
}

type upsert struct {
	Members        []member `json:"members"`
	TagFlag        int      `json:"tagFlag"`
	UpdateExisting bool     `json:"updateExisting"`
}

type answer struct {
	InsertedMembers []struct{ Email, ID string }
}

type page struct {
	List []struct {
		Email, Name string
		Phone       *string
		Fields      map[string]string
		TagNames    []string
	}
}

var fields = []string{"Birthday", "Age", "Gender", "City"}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func post(url string, body []byte, into any) {
	request, err := http.NewRequest("POST", url, bytes.NewReader(body))
	must(err)
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Authorization", "Bearer YXBpX3VzZXI6YXBpX2tleQ==")
	response, err := http.DefaultClient.Do(request)
	must(err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	must(err)
	if response.StatusCode != 200 {
		must(fmt.Errorf("status %d", response.StatusCode))
	}
	must(json.Unmarshal(data, into))
}

func send(url string, members []member) int {
	body, err := json.Marshal(upsert{members, 1, true})
	must(err)
	var got answer
	post(url+"/marketing/lists/members", body, &got)
	return len(got.InsertedMembers)
}

func importRows(url string, rows int, path string) (done int) {
	file, err := os.Open(path)
	must(err)
	reader := csv.NewReader(file)
	header, err := reader.Read()
	must(err)
	var members []member
	for done+len(members) < rows {
		row, err := reader.Read()
		if err == io.EOF {
			break
		}
		must(err)
		m := member{Email: row[0], Phone: row[1], Name: row[2], Fields: map[string]string{}, Tags: []string{}}
		for i := 3; i < 7; i++ {
			if row[i] != "" {
				m.Fields[header[i]] = row[i]
			}
		}
		if row[7] != "" {
			m.Tags = strings.Split(row[7], ";")
		}
		members = append(members, m)
		if len(members) == 1000 {
			done += send(url, members)
			members = members[:0]
		}
	}
	if len(members) > 0 {
		done += send(url, members)
	}
	return done
}

func exportRows(url string, rows int, path string) (done int) {
	file, err := os.Create(path)
	must(err)
	writer := csv.NewWriter(file)
	must(writer.Write(append([]string{"email", "phone", "name", "tags"}, fields...)))
	for offset := 0; offset < rows; offset += 100 {
		var got page
		post(fmt.Sprintf("%s/marketing/lists/listMembers?offset=%d&count=100", url, offset), []byte("{}"), &got)
		for _, m := range got.List {
			phone := ""
			if m.Phone != nil {
				phone = *m.Phone
			}
			row := []string{m.Email, phone, m.Name, strings.Join(m.TagNames, ";")}
			for _, name := range fields {
				row = append(row, m.Fields[name])
			}
			must(writer.Write(row))
			done++
		}
	}
	writer.Flush()
	must(writer.Error())
	must(file.Close())
	return done
}

func main() {
	rows, err := strconv.Atoi(os.Args[4])
	must(err)
	job := exportRows
	if os.Args[1] == "import" {
		job = importRows
	}
	if done := job(os.Args[2], rows, os.Args[5]); done != rows {
		must(fmt.Errorf("%d rows, not %d", done, rows))
	}
}
