//go:build !darwin

package main

// kilobytes of what getrusage reports: kilobytes here.
func kilobytes(maxrss int64) int64 { return maxrss }
