{{ flagged_parties('is_confirmed') }}
