package app

import (
	"bytes"
	"image/jpeg"
	"image/png"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"trak/billing"
	"trak/connect"
	"trak/db"
)

// Kinds of evidence.
const (
	EvidenceLine = "line" // a short text
	EvidenceText = "text" // a long one
	EvidenceFile = "file"
)

// Limits of evidence. Those of files and of all texts together are Stripe's.
const (
	maxEvidenceLine  = 500
	maxEvidenceText  = 20_000
	maxEvidenceTexts = 150_000   // characters of all texts together
	maxEvidenceFile  = 5 << 20   // bytes of one file
	maxEvidenceFiles = 4_500_000 // bytes of all together
)

// EvidenceField is a piece of evidence, by Stripe's name of it.
type EvidenceField struct{ Name, Kind string }

// evidenceKinds are Stripe's pieces of evidence that Trak asks for.
var evidenceKinds = map[string]string{
	"uncategorized_text": EvidenceText, "customer_name": EvidenceLine, "customer_email_address": EvidenceLine, "customer_purchase_ip": EvidenceLine,
	"billing_address": EvidenceText, "product_description": EvidenceText, "service_date": EvidenceLine, "access_activity_log": EvidenceText,
	"shipping_address": EvidenceText, "shipping_carrier": EvidenceLine, "shipping_date": EvidenceLine, "shipping_tracking_number": EvidenceLine,
	"duplicate_charge_id": EvidenceLine, "duplicate_charge_explanation": EvidenceText, "refund_policy_disclosure": EvidenceText,
	"refund_refusal_explanation": EvidenceText, "cancellation_policy_disclosure": EvidenceText, "cancellation_rebuttal": EvidenceText,
	"receipt": EvidenceFile, "customer_communication": EvidenceFile, "customer_signature": EvidenceFile, "service_documentation": EvidenceFile,
	"shipping_documentation": EvidenceFile, "duplicate_charge_documentation": EvidenceFile, "refund_policy": EvidenceFile,
	"cancellation_policy": EvidenceFile, "uncategorized_file": EvidenceFile,
}

var (
	delivery = []string{"service_date", "service_documentation", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number", "shipping_documentation", "access_activity_log"}
	purchase = []string{"customer_signature", "customer_purchase_ip", "access_activity_log", "service_date", "service_documentation", "shipping_address", "shipping_tracking_number", "shipping_documentation"}
	refusal  = []string{"refund_policy", "refund_policy_disclosure", "refund_refusal_explanation"}
)

// evidenceByReason is what fits a dispute's reason beside what always does.
var evidenceByReason = map[string][]string{
	"fraudulent":            purchase,
	"unrecognized":          purchase,
	"debit_not_authorized":  purchase,
	"product_not_received":  delivery,
	"product_unacceptable":  append([]string{"service_date", "service_documentation"}, refusal...),
	"credit_not_processed":  refusal,
	"duplicate":             {"duplicate_charge_id", "duplicate_charge_explanation", "duplicate_charge_documentation"},
	"subscription_canceled": {"cancellation_policy", "cancellation_policy_disclosure", "cancellation_rebuttal", "access_activity_log"},
}

// EvidenceFields are the pieces of evidence that fit a dispute's reason, in the order of the form:
// the story first, then what the reason is about, then what identifies the sale, then any other file.
func EvidenceFields(reason string) (list []EvidenceField) {
	special, known := evidenceByReason[reason]
	if !known {
		special = []string{"service_date", "service_documentation"}
	}
	names := append([]string{"uncategorized_text", "product_description"}, special...)
	names = append(names, "receipt", "customer_communication", "customer_name", "customer_email_address", "billing_address", "uncategorized_file")
	for _, name := range names {
		list = append(list, EvidenceField{name, evidenceKinds[name]})
	}
	return list
}

// EvidenceInput is what a person sends: texts by the names of their fields, new files, and the
// fields whose file is taken out.
type EvidenceInput struct {
	Version int64 // that was seen, 0 = there was none
	Texts   map[string]string
	Files   []EvidenceUpload
	Kept    map[string]string // ids, by field, of files that were sent with a form that could not be saved
	Remove  []string
}

// EvidenceUpload is a file that a person sends. It takes the place of the field's last one.
type EvidenceUpload struct {
	Field, Name string
	Content     []byte
	kind        string // media type, by its content
	kept        string // id of one that is kept already, without content here
}

// check cleans the texts, collects what is wrong with the input, and returns the files that it asks
// for. have are the files of the answer, kept those that wait for the person's next try.
func (in *EvidenceInput) check(reason string, have, kept []db.DisputeFilesRow) ([]EvidenceUpload, billing.FieldErrors) {
	errs := billing.FieldErrors{}
	fields := EvidenceFields(reason)
	in.checkTexts(fields, errs)
	size := int64(0)
	for _, f := range have {
		if !slices.Contains(in.Remove, f.Field) && !in.replaces(f.Field) {
			size += f.Size
		}
	}
	var files []EvidenceUpload
	for field, id := range in.Kept {
		if in.sends(field) {
			continue
		}
		at := slices.IndexFunc(kept, func(f db.DisputeFilesRow) bool { return f.ID == id && f.Field == field })
		if at < 0 {
			errs.Add(field, "Choose this file again")
			continue
		}
		files = append(files, EvidenceUpload{Field: field, kept: id})
		size += kept[at].Size
	}
	for i, f := range in.Files {
		if !slices.Contains(fields, EvidenceField{f.Field, EvidenceFile}) {
			errs.Add("uncategorized_file", "This dispute takes no such file")
			continue
		}
		if slices.ContainsFunc(in.Files[:i], func(u EvidenceUpload) bool { return u.Field == f.Field }) {
			errs.Add(f.Field, "Choose one file: only one fits here")
		}
		f.check(errs)
		if size += int64(len(f.Content)); size > maxEvidenceFiles {
			errs.Add(f.Field, "All files together can have 4.5 MB at most. Send a smaller one, or take another out")
		}
		files = append(files, f)
	}
	return files, errs
}

// checkTexts keeps the texts of the fields alone, without space around them.
func (in *EvidenceInput) checkTexts(fields []EvidenceField, errs billing.FieldErrors) {
	texts, characters := map[string]string{}, 0
	for _, f := range fields {
		if f.Kind == EvidenceFile {
			continue
		}
		text := strings.TrimSpace(in.Texts[f.Name])
		most := maxEvidenceText
		if f.Kind == EvidenceLine {
			most = maxEvidenceLine
		}
		errs.CheckLength(f.Name, text, most)
		texts[f.Name] = text
		characters += utf8.RuneCountInString(text)
	}
	if characters > maxEvidenceTexts {
		errs.Add("uncategorized_text", "All texts together can have 150,000 characters at most")
	}
	in.Texts = texts
}

// sends says whether a new file comes for a field.
func (in *EvidenceInput) sends(field string) bool {
	return slices.ContainsFunc(in.Files, func(f EvidenceUpload) bool { return f.Field == field })
}

// replaces says whether the file of a field gives way to another one.
func (in *EvidenceInput) replaces(field string) bool {
	return in.Kept[field] != "" || in.sends(field)
}

// check says what a file is by what is in it, whatever it is called, and gives it a name that fits.
func (f *EvidenceUpload) check(errs billing.FieldErrors) {
	kind, suffix := fileKind(f.Content)
	switch {
	case len(f.Content) == 0:
		errs.Add(f.Field, "This file is empty")
	case len(f.Content) > maxEvidenceFile:
		errs.Add(f.Field, "A file can have 5 MB at most")
	case kind == "":
		errs.Add(f.Field, "Choose a PDF, PNG or JPEG file")
	}
	f.kind = kind
	f.Name = fileName(f.Name, suffix)
}

// fileKind is the media type and suffix of a file of evidence, "" for any other file.
func fileKind(content []byte) (kind, suffix string) {
	switch {
	case bytes.HasPrefix(content, []byte("%PDF-")):
		return "application/pdf", ".pdf"
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		if _, err := png.DecodeConfig(bytes.NewReader(content)); err == nil {
			return "image/png", ".png"
		}
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")):
		if _, err := jpeg.DecodeConfig(bytes.NewReader(content)); err == nil {
			return "image/jpeg", ".jpg"
		}
	}
	return "", ""
}

// fileName is a person's name of a file without folders and odd characters, with the suffix of what
// the file is.
func fileName(name, suffix string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || strings.ContainsRune(`"<>|:*?/`, r) {
			return -1
		}
		return r
	}, name)
	name = strings.TrimSuffix(name, path.Ext(name))
	if r := []rune(name); len(r) > 80 {
		name = string(r[:80])
	}
	if name = strings.Trim(name, ". "); name == "" {
		name = "file"
	}
	return name + suffix
}

// evidenceOf is what goes to Stripe: the texts, and the files that it has by now. A piece that was
// taken out is empty, which takes it out at Stripe as well; what Trak never wrote is not named.
func evidenceOf(fields map[string]string, files []db.DisputeFilesRow) connect.Evidence {
	e := connect.Evidence{}
	for name, text := range fields {
		e[name] = text
	}
	for _, f := range files {
		e[f.Field] = f.StripeFileID
	}
	return e
}
