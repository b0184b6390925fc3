package diskmodel

import "bytes"

const (
	sectorBytes = 512
	pageBytes   = 4096
)

type page [pageBytes]byte

var zeroPage page

// image is the bytes of a file, in pages. A nil page holds zeros. Bytes behind
// the size, within the last page, are zeros too.
type image struct {
	pages []*page
	size  int64
}

// pool keeps pages for reuse.
type pool struct{ free []*page }

func (p *pool) get() *page {
	if n := len(p.free); n > 0 {
		pg := p.free[n-1]
		p.free = p.free[:n-1]
		return pg
	}
	return new(page)
}

func (p *pool) put(pg *page) {
	if pg != nil {
		p.free = append(p.free, pg)
	}
}

func pagesFor(size int64) int { return int((size + pageBytes - 1) / pageBytes) }

// at gives page i, nil (zeros) if it was never written.
func (im *image) at(i int) *page {
	if i < len(im.pages) {
		return im.pages[i]
	}
	return nil
}

// read copies from off; short at the end of the file.
func (im *image) read(p []byte, off int64) int {
	if off >= im.size {
		return 0
	}
	p = p[:min(int64(len(p)), im.size-off)]
	for rest := p; len(rest) > 0; {
		start := int(off % pageBytes)
		n := min(len(rest), pageBytes-start)
		pg := im.at(int(off / pageBytes))
		if pg == nil {
			pg = &zeroPage
		}
		copy(rest[:n], pg[start:])
		rest = rest[n:]
		off += int64(n)
	}
	return len(p)
}

// grow makes the image at least size bytes long.
func (im *image) grow(size int64) {
	if size <= im.size {
		return
	}
	im.size = size
	if n := pagesFor(size); n > len(im.pages) {
		im.pages = append(im.pages, make([]*page, n-len(im.pages))...)
	}
}

// own gives page i of im for writing: a copy if other has the same page.
func (im *image) own(i int, other *image, pages *pool) *page {
	pg := im.pages[i]
	if pg == nil {
		pg = pages.get()
		*pg = zeroPage
		im.pages[i] = pg
	} else if pg == other.at(i) {
		fresh := pages.get()
		*fresh = *pg
		pg = fresh
		im.pages[i] = pg
	}
	return pg
}

// write puts p at off. Zeros on a page of zeros take no memory. other is the
// image that pages may be shared with.
func (im *image) write(p []byte, off int64, other *image, pages *pool) {
	im.grow(off + int64(len(p)))
	for len(p) > 0 {
		i, start := int(off/pageBytes), int(off%pageBytes)
		n := min(len(p), pageBytes-start)
		if im.pages[i] != nil || !isZero(p[:n]) {
			copy(im.own(i, other, pages)[start:], p[:n])
		}
		p = p[n:]
		off += int64(n)
	}
}

// writeZeros is write of n zeros.
func (im *image) writeZeros(off, n int64, other *image, pages *pool) {
	for n > 0 {
		step := min(n, pageBytes-off%pageBytes)
		im.write(zeroPage[:step], off, other, pages)
		off += step
		n -= step
	}
}

// truncate cuts or extends to size.
func (im *image) truncate(size int64, other *image, pages *pool) {
	if size >= im.size {
		im.grow(size)
		return
	}
	keep := pagesFor(size)
	for i := keep; i < len(im.pages); i++ {
		im.drop(i, other, pages)
	}
	im.pages = im.pages[:keep]
	im.size = size
	if start := int(size % pageBytes); start > 0 && im.pages[keep-1] != nil {
		clear(im.own(keep-1, other, pages)[start:])
	}
}

// drop forgets page i, back to the pool if other does not hold it.
func (im *image) drop(i int, other *image, pages *pool) {
	if im.pages[i] != other.at(i) {
		pages.put(im.pages[i])
	}
	im.pages[i] = nil
}

// adopt makes page i of im the one that from has.
func (im *image) adopt(i int, from *image, pages *pool) {
	if im.pages[i] != from.at(i) {
		pages.put(im.pages[i])
		im.pages[i] = from.at(i)
	}
}

// become makes im equal to from, all pages shared.
func (im *image) become(from *image, pages *pool) {
	im.truncate(min(im.size, from.size), from, pages)
	im.grow(from.size)
	for i := range im.pages {
		im.adopt(i, from, pages)
	}
}

// equal tells whether both hold the same bytes in [off, off+n).
func (im *image) equal(other *image, off, n int64) bool {
	for n > 0 {
		i, start := int(off/pageBytes), int(off%pageBytes)
		step := min(n, int64(pageBytes-start))
		a, b := im.at(i), other.at(i)
		if a != b {
			if a == nil {
				a = &zeroPage
			}
			if b == nil {
				b = &zeroPage
			}
			if !bytes.Equal(a[start:start+int(step)], b[start:start+int(step)]) {
				return false
			}
		}
		off += step
		n -= step
	}
	return true
}

// isZero tells whether p, of any length, holds only zeros.
func isZero(p []byte) bool {
	for len(p) > pageBytes {
		if !bytes.Equal(p[:pageBytes], zeroPage[:]) {
			return false
		}
		p = p[pageBytes:]
	}
	return bytes.Equal(p, zeroPage[:len(p)])
}
