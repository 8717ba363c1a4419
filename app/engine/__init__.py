"""Running a model; the only importer of llama_cpp. Imports core only."""
