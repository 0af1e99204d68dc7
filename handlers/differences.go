package handlers

// difference is a line that two versions of an invoice don't have in common: what stands in each
// of them there, "" where one has nothing.
type difference struct{ Stored, Yours string }

// differences are the lines in which two versions differ, in their order. As many lines as
// possible count as common; between them, the first that is only stored stands beside the first
// that is only typed, and so on.
func differences(stored, yours []string) (list []difference) {
	common := commonLines(stored, yours)
	i, j := 0, 0
	for i < len(stored) || j < len(yours) {
		if i < len(stored) && j < len(yours) && stored[i] == yours[j] {
			i, j = i+1, j+1
			continue
		}
		var d difference
		takeStored := i < len(stored) && common[i+1][j] == common[i][j]
		if takeStored {
			d.Stored = stored[i]
			i++
		}
		if j < len(yours) && (!takeStored || common[i][j+1] == common[i][j]) {
			d.Yours = yours[j]
			j++
		}
		list = append(list, d)
	}
	return list
}

// commonLines tells, for each place i in a and j in b, how many lines a[i:] and b[j:] have in
// common in the same order: the longest common subsequence. Both have billing.MaxLines at most.
func commonLines(a, b []string) [][]int {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			n[i][j] = max(n[i+1][j], n[i][j+1])
			if a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			}
		}
	}
	return n
}
