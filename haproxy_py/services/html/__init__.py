"""The statistics page in HTML: built here, styled by page.css, made live by page.js; nothing from outside."""
