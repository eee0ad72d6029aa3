"""How logs and spans are read from OpenSearch: finding indices and fields, paging, sampling, counting back."""
