"""What turns runs into pages: results, what a page may show, templates, the built deck. It never imports torch."""
