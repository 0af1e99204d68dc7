package app

import (
	"maps"
	"slices"
	"strings"
)

// AuditKind is what a record is about, in a word.
type AuditKind string

// Kinds of records, as the filter of the audit log names them.
const (
	AuditInvoices  AuditKind = "Invoices"
	AuditPayments  AuditKind = "Payments"
	AuditDisputes  AuditKind = "Disputes"
	AuditAttention AuditKind = "Needs attention"
	AuditClients   AuditKind = "Clients"
	AuditProjects  AuditKind = "Projects"
	AuditTeam      AuditKind = "Team"
	AuditSettings  AuditKind = "Settings"
	AuditStripe    AuditKind = "Stripe"
	AuditSignIn    AuditKind = "Signing in"
	AuditTrak      AuditKind = "Trak itself"
)

// AuditKinds lists them in the filter's order.
func AuditKinds() []AuditKind {
	return []AuditKind{
		AuditInvoices, AuditPayments, AuditDisputes, AuditAttention, AuditClients, AuditProjects, AuditTeam, AuditSettings,
		AuditStripe, AuditSignIn, AuditTrak,
	}
}

// auditAction is how an action is told. The words follow the name of who did it; {subject} is the
// name of what it was done to, {before} and {after} are what changed, or a part of that:
// {after.role}.
type auditAction struct {
	kind AuditKind
	of   auditSubject
	told string
}

// auditSubject says what the subject of a record is the id of.
type auditSubject string

const (
	ofInvoice auditSubject = "invoice"
	ofPayment auditSubject = "payment"
	ofClient  auditSubject = "client"
	ofProject auditSubject = "project"
	ofPerson  auditSubject = "person"
	ofOther   auditSubject = "" // its words need no name
)

// auditActions are all actions of records. What people may read of one is decided here and nowhere
// else; a test looks that each call of record has its action in here.
var auditActions = map[string]auditAction{
	"invoice.create":        {AuditInvoices, ofInvoice, "wrote {subject}"},
	"invoice.update":        {AuditInvoices, ofInvoice, "changed {subject}"},
	"invoice.finalize":      {AuditInvoices, ofInvoice, "issued {subject}"},
	"invoice.delete":        {AuditInvoices, ofInvoice, "deleted {subject}"},
	"invoice.duplicate":     {AuditInvoices, ofInvoice, "copied an invoice into {subject}"},
	"invoice.voided":        {AuditInvoices, ofInvoice, "voided {subject}"},
	"invoice.uncollectible": {AuditInvoices, ofInvoice, "gave up on {subject}"},
	"invoice.reopened":      {AuditInvoices, ofInvoice, "reopened {subject}"},
	"invoice.sent":          {AuditInvoices, ofInvoice, "copied the link of {subject} to send it"},
	"invoice.revoke_link":   {AuditInvoices, ofInvoice, "made a new link for the client's page of {subject}"},
	"invoice.link.retry":    {AuditInvoices, ofInvoice, "tried again to make the payment link of {subject}"},

	"payment.record":     {AuditPayments, ofInvoice, "recorded a payment outside Stripe for {subject}"},
	"payment.take_back":  {AuditPayments, ofInvoice, "took back a payment outside Stripe for {subject}"},
	"payment.refund":     {AuditPayments, ofPayment, "refunded {subject}"},
	"refund.retry":       {AuditPayments, ofPayment, "tried again to refund {subject}"},
	"payment_assigned":   {AuditPayments, ofInvoice, "gave a payment to {subject}"},
	"payment_unassigned": {AuditPayments, ofInvoice, "took a payment from {subject}"},

	"dispute.save":       {AuditDisputes, ofOther, "saved the answer to a dispute"},
	"dispute.submit":     {AuditDisputes, ofOther, "submitted the answer to a dispute"},
	"dispute.accept":     {AuditDisputes, ofOther, "accepted the loss of a dispute"},
	"dispute.keep_files": {AuditDisputes, ofOther, "chose files for the answer to a dispute"},

	"attention.ignore": {AuditAttention, ofOther, "ignored something that needs attention: {after.reason}"},
	"attention.mind":   {AuditAttention, ofOther, "took back that something was ignored"},

	"client.create":    {AuditClients, ofClient, "added the client {subject}"},
	"client.update":    {AuditClients, ofClient, "changed the client {subject}"},
	"client.archive":   {AuditClients, ofClient, "put the client {subject} away or took it back"},
	"client.export":    {AuditClients, ofClient, "exported what Trak holds of the client {subject}"},
	"client.anonymise": {AuditClients, ofClient, "made a client anonymous"},
	"project.create":   {AuditProjects, ofProject, "added the project {subject}"},
	"project.update":   {AuditProjects, ofProject, "changed the project {subject}"},
	"project.archive":  {AuditProjects, ofProject, "put the project {subject} away or took it back"},

	"create workspace":    {AuditTeam, ofOther, "made this workspace"},
	"add member":          {AuditTeam, ofPerson, "joined the team as {after.role}"},
	"change role":         {AuditTeam, ofPerson, "changed the role of {subject} from {before.role} to {after.role}"},
	"remove member":       {AuditTeam, ofPerson, "removed {subject} from the team"},
	"hand over workspace": {AuditTeam, ofPerson, "handed the workspace over to {subject}"},
	"leave workspace":     {AuditTeam, ofPerson, "left the team"},
	"invite":              {AuditTeam, ofOther, "invited {after.email} as {after.role}"},
	"resend invitation":   {AuditTeam, ofOther, "sent the invitation of {after.email} again"},
	"revoke invitation":   {AuditTeam, ofOther, "took back the invitation of {before.email}"},
	"accept invitation":   {AuditTeam, ofOther, "accepted an invitation as {after.role}"},
	"operator.make_owner": {AuditTeam, ofPerson, "made {subject} an owner"},

	"settings.update":      {AuditSettings, ofOther, "changed the workspace's settings"},
	"settings.logo":        {AuditSettings, ofOther, "changed the logo"},
	"settings.logo.remove": {AuditSettings, ofOther, "removed the logo"},
	"workspace.export":     {AuditSettings, ofOther, "exported the workspace"},
	"workspace.delete":     {AuditSettings, ofOther, "deleted the workspace {before}"},
	"message.retry":        {AuditSettings, ofOther, "tried again to send a message"},
	"message.test":         {AuditSettings, ofOther, "sent a test mail"},

	"stripe.connect":      {AuditStripe, ofOther, "began to connect a Stripe account"},
	"stripe.reconnect":    {AuditStripe, ofOther, "connected the Stripe account again"},
	"stripe.disconnect":   {AuditStripe, ofOther, "disconnected the Stripe account"},
	"stripe.deauthorized": {AuditStripe, ofOther, "was told by Stripe that the account took its access back"},
	"stripe.own":          {AuditStripe, ofOther, "took up the Stripe account of the key"},
	"event.process":       {AuditStripe, ofOther, "processed a webhook event again"},
	"webhook.ensure":      {AuditStripe, ofOther, "made or mended the webhook endpoint at Stripe"},

	"create user":                    {AuditSignIn, ofPerson, "got an account"},
	"sign in":                        {AuditSignIn, ofPerson, "signed in"},
	"sign in with passkey":           {AuditSignIn, ofPerson, "signed in with a passkey"},
	"confirm with passkey":           {AuditSignIn, ofPerson, "confirmed who they are with a passkey"},
	"fail to sign in":                {AuditSignIn, ofPerson, "could not sign in"},
	"give the password":              {AuditSignIn, ofPerson, "gave the password, without the second factor so far"},
	"confirm":                        {AuditSignIn, ofPerson, "confirmed who they are"},
	"fail to confirm":                {AuditSignIn, ofPerson, "could not confirm who they are"},
	"end sessions":                   {AuditSignIn, ofPerson, "signed out everywhere"},
	"end session":                    {AuditSignIn, ofPerson, "ended one of their sessions"},
	"ask to sign up":                 {AuditSignIn, ofPerson, "asked for an account"},
	"ask for a new password":         {AuditSignIn, ofPerson, "asked for a link to choose a new password"},
	"ask for the password of nobody": {AuditSignIn, ofOther, "was asked for a new password of an address that nobody has"},
	"reset password":                 {AuditSignIn, ofPerson, "chose a new password by a link"},
	"ask for another email":          {AuditSignIn, ofPerson, "asked to change their email from {before.email} to {after.email}"},
	"confirm another email":          {AuditSignIn, ofPerson, "confirmed the change of their email to {after.email}"},
	"change email":                   {AuditSignIn, ofPerson, "changed their email from {before.email} to {after.email}"},
	"change password":                {AuditSignIn, ofPerson, "changed their password"},
	"begin second factor":            {AuditSignIn, ofPerson, "began to set up a second factor"},
	"turn on second factor":          {AuditSignIn, ofPerson, "turned the second factor on"},
	"turn off second factor":         {AuditSignIn, ofPerson, "turned the second factor off"},
	"make recovery codes":            {AuditSignIn, ofPerson, "made new recovery codes"},
	"add passkey":                    {AuditSignIn, ofPerson, "added the passkey {after.name}"},
	"rename passkey":                 {AuditSignIn, ofPerson, "renamed a passkey to {after.name}"},
	"remove passkey":                 {AuditSignIn, ofPerson, "removed a passkey"},
	"operator.create_user":           {AuditSignIn, ofPerson, "made an account for {subject}"},
	"operator.reset_password":        {AuditSignIn, ofPerson, "gave {subject} a new password"},
	"operator.reset_link":            {AuditSignIn, ofPerson, "made a link with which {subject} chooses a new password"},
	"operator.disable":               {AuditSignIn, ofPerson, "disabled the account of {subject}"},
	"operator.enable":                {AuditSignIn, ofPerson, "enabled the account of {subject} again"},

	"repair":      {AuditTrak, ofOther, "computed something again that was not as its facts say"},
	"mode":        {AuditTrak, ofOther, "changed from {before} to {after} mode"},
	"audit.begin": {AuditTrak, ofOther, "began the chain of the audit log"},
	"key.rotate":  {AuditTrak, ofOther, "changed the secret key"},
	"key.reset":   {AuditTrak, ofOther, "gave up a secret key that was lost"},
}

// actionsOf lists the actions of a kind as the query wants them: ",a,b,". "" is every kind. ok is
// false when there is no such kind.
func actionsOf(kind AuditKind) (list string, ok bool) {
	if kind == "" {
		return "", true
	}
	for _, action := range slices.Sorted(maps.Keys(auditActions)) {
		if auditActions[action].kind == kind {
			list += "," + action
		}
	}
	return list + ",", list != ""
}

// actionOf is how an action is told. One that is not in the list is told by its own name.
func actionOf(action string) auditAction {
	if a, ok := auditActions[action]; ok {
		return a
	}
	return auditAction{kind: AuditTrak, told: strings.NewReplacer(".", " ", "_", " ").Replace(action)}
}
