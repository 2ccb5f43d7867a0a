module chain.dev/bench

go 1.26.0
