package main

// kilobytes of what getrusage reports: bytes here.
func kilobytes(maxrss int64) int64 { return maxrss / 1024 }
