package main

import (
	"errors"
	"fmt"
	"reflect"

	ps "github.com/planetscale/planetscale-go/planetscale"
)

// notFound are methods whose paths the server does not have: products that have nothing to do with MySQL branches.
// All others that are not in works.go exist as paths that say `unprocessable` and why.
var notFound = map[string]bool{"D1ImportNotifications.Create": true}

// last are called when everything else was.
var last = map[string]bool{"Databases.Delete": true, "DatabaseBranches.Delete": true}

// values are what requests are filled with, by the name of the field.
var values = map[string]string{
	"Organization": org, "Database": database, "Branch": branch, "Keyspace": database, "TargetKeyspace": database,
	"SourceKeyspace": database, "Name": "odd", "Workflow": "odd", "Shard": "-", "DatabaseName": database,
}

// refusals calls what works.go did not call.
func (s *suite) refusals() {
	services := reflect.ValueOf(s.c).Elem()
	for i := range services.NumField() {
		field := services.Type().Field(i)
		if !field.IsExported() || field.Type.Kind() != reflect.Interface {
			continue
		}
		for j := range field.Type.NumMethod() {
			method := field.Type.Method(j)
			name := field.Name + "." + method.Name
			if _, done := s.results[name]; !done && !last[name] {
				s.refusal(name, services.Field(i).MethodByName(method.Name))
			}
		}
	}
}

func (s *suite) refusal(name string, method reflect.Value) {
	args := []reflect.Value{reflect.ValueOf(s.ctx)}
	for i := 1; i < method.Type().NumIn(); i++ {
		in := method.Type().In(i)
		if in.Kind() == reflect.Pointer {
			request := reflect.New(in.Elem())
			fill(request.Elem())
			args = append(args, request)
		}
	}
	out := method.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	want := ps.ErrRetry
	if notFound[name] {
		want = ps.ErrNotFound
	}
	var e *ps.Error
	if !errors.As(err, &e) || e.Code != want || e.APICode == "" || len(e.Error()) < 20 {
		s.note(name, "fails", fmt.Sprintf("expected the code %q and a sentence, got: %v", want, err))
		return
	}
	s.note(name, "refused", e.Error())
}

// fill gives each field of a request something that could be meant.
func fill(request reflect.Value) {
	for i := range request.NumField() {
		field := request.Field(i)
		name := request.Type().Field(i).Name
		if !field.CanSet() {
			continue
		}
		switch field.Kind() {
		case reflect.String:
			if value, known := values[name]; known {
				field.SetString(value)
			} else {
				field.SetString("nobodynobody")
			}
		case reflect.Slice:
			if field.Type().Elem().Kind() == reflect.Uint8 { // JSON as it is
				field.SetBytes([]byte("[]"))
			} else {
				field.Set(reflect.MakeSlice(field.Type(), 0, 0))
			}
		case reflect.Int, reflect.Int64:
			field.SetInt(1)
		case reflect.Uint64, reflect.Uint:
			field.SetUint(1)
		}
	}
}
