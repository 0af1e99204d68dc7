package handlers

import "trak/app"

// routes is the table of contents: each path with the permission it needs and its handler.
func (h *Server) routes() {
	f := h.fiber
	f.Use(h.begin)
	f.Get("/healthz", h.healthz)
	f.Use(h.checkHost, h.toHTTPS, h.refuseEncoding)

	// Without a session: files, machines, and the client's page.
	f.Get("/static/accent/:name", h.accent)
	f.Get("/static/*", h.assets.serve)
	f.All(webhookPath, h.onlyPost, h.webhook)

	// The client's page, found by its token.
	public := f.Group("/i/:token", h.checkMethod, h.limitTime, h.sameOrigin, h.byToken)
	public.Get("", h.publicInvoice)
	public.Get("/logo", h.publicLogo)
	public.Get("/pay", h.pay)
	public.Get("/status", h.publicStatus)
	public.Post("/viewed", h.viewed)

	// Polled by htmx: these read the session and neither write it nor keep it alive.
	f.Get("/w/:slug/payments/invoices/live", h.poll(app.ViewInvoices), h.invoiceRowsLive)
	f.Get("/w/:slug/payments/invoices/:id/status", h.poll(app.ViewInvoices), h.invoiceStatus)
	f.Get("/w/:slug/payments/tiles", h.poll(app.ViewPayments), h.overviewTiles)
	f.Get("/w/:slug/payments/disputes/:id/status", h.poll(app.ViewPayments), h.disputeStatus)
	f.Get("/w/:slug/projects/:id/sums", h.poll(app.ViewProjects), h.projectSums)
	f.Get("/w/:slug/payments/connect/status", h.poll(app.ViewStripe), h.connectionStatus)

	// With a session. What changes something has to come from our own pages.
	f.Use(h.checkMethod, h.limitTime, h.sameOrigin, h.withSession, h.checkToken)

	// Signing in.
	f.Get("/signin", h.signInPage)
	f.Post("/signin", h.signIn)
	f.Get("/signin/code", h.codePage)
	f.Post("/signin/code", h.signInWithCode)
	f.Post("/signin/passkey/begin", h.beginUsePasskey) // asked by passkey.js
	f.Post("/signin/passkey", h.signInWithPasskey)
	f.Get("/signin/reset", h.limitTokens, h.showResetPage)
	f.Post("/signin/reset", h.limitTokens, h.resetPassword)
	f.Post("/demo/signin", h.demoSignIn)
	f.Post("/signout", h.signOut)
	f.Get("/setup", h.limitTokens, h.setupPage)
	f.Post("/setup", h.limitTokens, h.setup)
	f.Get("/invite", h.limitTokens, h.invitation)
	f.Post("/invite", h.limitTokens, h.acceptInvitation)

	// The person who is signed in.
	f.Get("/", h.signedIn, h.home)
	f.Get("/workspaces", h.signedIn, h.workspacesPage)
	f.Post("/workspaces", h.signedIn, h.createWorkspace)
	f.Post("/workspaces/switch", h.signedIn, h.switchWorkspace)
	f.Post("/theme", h.signedIn, h.setTheme)
	f.Get("/confirm", h.signedIn, h.identityPage)
	f.Post("/confirm", h.signedIn, h.confirmIdentity)
	f.Get("/dashboard/payments", h.signedIn, h.toLastWorkspace)
	f.Get("/dashboard/payments/connect", h.signedIn, h.toLastWorkspace)
	f.Get("/dashboard/payments/invoices", h.signedIn, h.toLastWorkspace)
	f.Get("/dashboard/payments/invoices/*", h.signedIn, h.toLastWorkspace)

	// How they get in, and where they are. What is h.confirmed asks first that it's them, unless
	// they have shown that lately; a password and turning off the second factor ask by themselves.
	security := f.Group("/account/security", h.signedIn)
	security.Get("", h.securityPage)
	security.Post("/sessions/end", h.endSession)
	security.Get("/password", h.passwordPage)
	security.Post("/password", h.changePassword)
	security.Post("/totp", h.confirmed, h.beginSecondFactor)
	security.Get("/totp", h.confirmed, h.secondFactorPage)
	security.Post("/totp/on", h.confirmed, h.turnOnSecondFactor)
	security.Get("/totp/off", h.secondFactorOffPage)
	security.Post("/totp/off", h.turnOffSecondFactor)
	security.Post("/codes", h.confirmed, h.newCodes)
	security.Post("/passkeys/begin", h.beginPasskey) // asked by passkey.js
	security.Post("/passkeys", h.confirmed, h.addPasskey)
	security.Post("/passkeys/name", h.renamePasskey)
	security.Post("/passkeys/remove", h.confirmed, h.removePasskey)

	// A workspace, with the actor that every use-case takes.
	workspace := f.Group("/w/:slug", h.signedIn, h.inWorkspace)

	clients := workspace.Group("/clients")
	clients.Get("", h.may(app.ViewClients), h.clients)
	clients.Post("", h.may(app.EditClients), h.createClient)
	clients.Get("/new", h.may(app.EditClients), h.newClient)
	clients.Get("/:id/edit", h.may(app.EditClients), h.editClient)
	clients.Post("/:id", h.may(app.EditClients), h.updateClient)
	clients.Post("/:id/archive", h.may(app.EditClients), h.archiveClient)
	clients.Post("/:id/unarchive", h.may(app.EditClients), h.unarchiveClient)
	clients.Post("/:id/export", h.may(app.Export), h.exportClient)
	clients.Get("/:id/anonymise", h.may(app.AnonymiseClients), h.confirmAnonymise)
	clients.Post("/:id/anonymise", h.may(app.AnonymiseClients), h.anonymiseClient)

	projects := workspace.Group("/projects")
	projects.Get("", h.may(app.ViewProjects), h.projects)
	projects.Post("", h.may(app.EditProjects), h.createProject)
	projects.Get("/new", h.may(app.EditProjects), h.newProject)
	projects.Get("/:id", h.may(app.ViewProjects), h.project)
	projects.Post("/:id", h.may(app.EditProjects), h.updateProject)
	projects.Get("/:id/edit", h.may(app.EditProjects), h.editProject)
	projects.Post("/:id/archive", h.may(app.EditProjects), h.archiveProject)
	projects.Post("/:id/unarchive", h.may(app.EditProjects), h.unarchiveProject)

	payments := workspace.Group("/payments")
	payments.Get("", h.may(app.ViewPayments), h.overview)
	payments.Get("/history", h.may(app.ViewPayments), h.paymentHistory)
	payments.Get("/events", h.may(app.ViewEvents), h.events)
	payments.Get("/events/:id", h.may(app.ViewEvents), h.event)
	payments.Post("/events/:id/process", h.may(app.RetryEvents), h.processEvent)
	payments.Get("/payouts", h.may(app.ViewPayments), h.payouts)
	payments.Get("/payouts/:id", h.may(app.ViewPayments), h.payout)
	payments.Get("/refund/:id", h.may(app.Refund), h.newRefund)
	payments.Post("/refund/:id", h.may(app.Refund), h.confirmed, h.refundPayment)
	payments.Post("/refund/:id/retry", h.may(app.Refund), h.confirmed, h.retryRefunds)

	// What needs a person.
	payments.Get("/attention", h.may(app.ViewPayments), h.attention)
	payments.Post("/attention/ignore", h.may(app.SettleAttention), h.ignoreAttention)
	payments.Post("/attention/mind", h.may(app.SettleAttention), h.mindAttention)
	payments.Get("/assign/:id", h.may(app.SettleAttention), h.assignPage)
	payments.Post("/assign/:id", h.may(app.SettleAttention), h.assignPayment)

	invoices := payments.Group("/invoices")
	invoices.Get("", h.may(app.ViewInvoices), h.listInvoices)
	invoices.Post("", h.may(app.EditInvoices), h.createInvoice)
	invoices.Get("/new", h.may(app.EditInvoices), h.newInvoice)
	invoices.Post("/preview", h.may(app.EditInvoices), h.previewInvoice)
	invoices.Post("/lines", h.may(app.EditInvoices), h.addLine)
	invoices.Get("/clients/suggest", h.may(app.ViewClients), h.suggestClients)
	invoices.Get("/:id", h.may(app.ViewInvoices), h.invoice)
	invoices.Get("/:id/proof", h.may(app.ViewInvoices), h.invoiceProof)
	invoices.Get("/:id/edit", h.may(app.EditInvoices), h.editInvoice)
	invoices.Post("/:id/edit", h.may(app.EditInvoices), h.updateInvoice)
	invoices.Post("/:id/finalize", h.may(app.EditInvoices), h.finalizeInvoice)
	invoices.Get("/:id/void", h.may(app.EditInvoices), h.confirmVoid)
	invoices.Post("/:id/void", h.may(app.EditInvoices), h.voidInvoice)
	invoices.Get("/:id/uncollectible", h.may(app.EditInvoices), h.confirmUncollectible)
	invoices.Post("/:id/uncollectible", h.may(app.EditInvoices), h.markUncollectible)
	invoices.Post("/:id/reopen", h.may(app.EditInvoices), h.reopenInvoice)
	invoices.Post("/:id/duplicate", h.may(app.EditInvoices), h.duplicateInvoice)
	invoices.Get("/:id/delete", h.may(app.EditInvoices), h.confirmDelete)
	invoices.Post("/:id/delete", h.may(app.EditInvoices), h.deleteInvoice)
	invoices.Get("/:id/revoke", h.may(app.EditInvoices), h.confirmRevoke)
	invoices.Post("/:id/revoke", h.may(app.EditInvoices), h.revokeLink)
	invoices.Post("/:id/retry-link", h.may(app.EditInvoices), h.retryLink)
	invoices.Post("/:id/copied", h.may(app.EditInvoices), h.linkCopied)

	// Money that came outside Stripe.
	invoices.Get("/:id/payments/new", h.may(app.RecordPayments), h.newPayment)
	invoices.Post("/:id/payments", h.may(app.RecordPayments), h.recordPayment)
	invoices.Get("/:id/payments/:payment/take-back", h.may(app.RecordPayments), h.confirmTakeBack)
	invoices.Post("/:id/payments/:payment/take-back", h.may(app.RecordPayments), h.takeBackPayment)
	invoices.Post("/:id/payments/:payment/unassign", h.may(app.SettleAttention), h.unassignPayment)

	settings := workspace.Group("/settings")
	settings.Get("", h.may(app.EditSettings), h.settings)
	settings.Post("", h.may(app.EditSettings), h.updateSettings)
	settings.Post("/logo", h.may(app.EditSettings), h.setLogo) // a file comes in: see upload.go
	settings.Post("/logo/remove", h.may(app.EditSettings), h.removeLogo)
	settings.Post("/export", h.may(app.Export), h.exportWorkspace)
	settings.Get("/delete", h.may(app.DeleteWorkspace), h.confirmDeletion)
	settings.Post("/delete", h.may(app.DeleteWorkspace), h.deleteWorkspace)
	workspace.Get("/logo", h.may(app.ViewInvoices), h.logo)
	team := settings.Group("/team")
	team.Get("", h.may(app.ViewTeam), h.team)
	team.Post("/invitations", h.may(app.ManageTeam), h.invite)
	team.Post("/invitations/:id/resend", h.may(app.ManageTeam), h.resendInvitation)
	team.Post("/invitations/:id/revoke", h.may(app.ManageTeam), h.revokeInvitation)
	team.Post("/members/:id/role", h.may(app.ManageTeam), h.changeRole)
	team.Get("/members/:id/remove", h.may(app.ManageTeam), h.confirmRemove)
	team.Post("/members/:id/remove", h.may(app.ManageTeam), h.removeMember)
	team.Get("/members/:id/owner", h.may(app.ManageOwners), h.confirmHandOver)
	team.Post("/members/:id/owner", h.may(app.ManageOwners), h.handOver)
	team.Get("/leave", h.may(app.ViewTeam), h.confirmLeave)
	team.Post("/leave", h.may(app.ViewTeam), h.leave)
	settings.Get("/health", h.may(app.ViewHealth), h.health)
	settings.Post("/health", h.may(app.ViewHealth), h.checkHealth)
	settings.Post("/health/webhook", h.may(app.ViewHealth), h.ensureWebhook)
	settings.Get("/audit", h.may(app.ViewAudit), h.auditLog)
	settings.Get("/audit.csv", h.may(app.ViewAudit), h.auditCSV)

	// Disputes, and what is said against them. Files come in at answer alone: see upload.go.
	disputes := payments.Group("/disputes")
	disputes.Get("", h.may(app.ViewPayments), h.disputes)
	disputes.Get("/:id", h.may(app.ViewPayments), h.dispute)
	disputes.Post("/:id/answer", h.may(app.AnswerDisputes), h.saveEvidence)
	disputes.Get("/:id/submit", h.may(app.AnswerDisputes), h.confirmSubmit)
	disputes.Post("/:id/submit", h.may(app.AnswerDisputes), h.submitEvidence)
	disputes.Get("/:id/accept", h.may(app.AnswerDisputes), h.confirmAccept)
	disputes.Post("/:id/accept", h.may(app.AnswerDisputes), h.acceptDispute)

	// The Stripe connection.
	stripe := payments.Group("/connect")
	stripe.Get("", h.may(app.ViewStripe), h.connection)
	stripe.Post("/check", h.may(app.ManageStripe), h.checkConnection)
	if !h.app.OwnMode() {
		// Where workspaces connect accounts. Stripe itself leads people to refresh and return.
		stripe.Post("", h.may(app.ManageStripe), h.confirmed, h.startOnboarding)
		stripe.Post("/continue", h.may(app.ManageStripe), h.confirmed, h.continueOnboarding)
		stripe.Get("/refresh", h.may(app.ManageStripe), h.confirmed, h.continueOnboarding)
		stripe.Get("/return", h.may(app.ManageStripe), h.returnFromStripe)
		stripe.Post("/dashboard", h.may(app.ManageStripe), h.confirmed, h.stripeDashboard)
		stripe.Get("/disconnect", h.may(app.ManageStripe), h.confirmDisconnect)
		stripe.Post("/disconnect", h.may(app.ManageStripe), h.confirmed, h.disconnect)
	}
}
