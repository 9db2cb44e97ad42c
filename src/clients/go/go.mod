module larder.dev/client

go 1.24
