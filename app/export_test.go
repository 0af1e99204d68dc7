package app

// Wake makes the workers look at once, for tests that move the clock: they sleep by the real one.
func (a *App) Wake() { a.jobs.Wake() }

// Clip is what bounds the texts of errors.
var Clip = clip

// CheckFree is the doctor's word on a disk with so many bytes free.
func CheckFree(bytes uint64) Check { return Check{}.ofFree(bytes) }
