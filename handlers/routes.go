package handlers

// routes is the table of contents: each path with the permission it needs and its handler.
func (h *Server) routes() {
	f := h.fiber
	f.Use(h.begin)
	f.Get("/healthz", h.healthz)
	f.Use(h.checkHost, h.toHTTPS, h.refuseEncoding)

	// Without a session: files, machines, and the client's page.
	f.Get("/static/*", h.assets.serve)
	f.All(webhookPath, h.onlyPost, h.webhook)

	// Polled by htmx: these read the session and neither write it nor keep it alive.

	// With a session. What changes something has to come from our own pages.
	f.Use(h.checkMethod, h.limitTime, h.sameOrigin, h.withSession, h.checkToken)

	// Signing in.
	f.Get("/signin", h.signInPage)
	f.Post("/signin", h.signIn)
	f.Post("/demo/signin", h.demoSignIn)
	f.Post("/signout", h.signOut)
	f.Get("/setup", h.setupPage)
	f.Post("/setup", h.setup)

	// The person who is signed in.
	f.Get("/", h.signedIn, h.home)
	f.Get("/workspaces", h.signedIn, h.workspacesPage)
	f.Post("/workspaces", h.signedIn, h.createWorkspace)
	f.Post("/workspaces/switch", h.signedIn, h.switchWorkspace)
	f.Post("/theme", h.signedIn, h.setTheme)
	f.Get("/dashboard/payments", h.signedIn, h.toLastWorkspace)
	f.Get("/dashboard/payments/connect", h.signedIn, h.toLastWorkspace)
	f.Get("/dashboard/payments/invoices", h.signedIn, h.toLastWorkspace)
	f.Get("/dashboard/payments/invoices/*", h.signedIn, h.toLastWorkspace)

	// A workspace, with the actor that every use-case takes.
	_ = f.Group("/w/:slug", h.signedIn, h.inWorkspace)
}
