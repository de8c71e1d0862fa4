// Shows the description of the API. No address of another machine is asked for anything.
SwaggerUIBundle({
  url: document.getElementById("api").dataset.schema,
  dom_id: "#api",
  docExpansion: "none",
  validatorUrl: null,
});
