// Package ship moves the files of snapshots between nodes.
package ship
