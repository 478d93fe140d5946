module offshoot.example/conformance/planetscale-go

go 1.26.0

require github.com/planetscale/planetscale-go v0.178.1-0.20260814000311-bc9e6d0bb443

require (
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
)
