-- A view is read on a cluster with the rights of whoever asks, not of the view's owner, and a row is numbered with
-- those of whoever adds it: what functions read and number by their owner's. Nobody logs in as that.
grant select on all tables in schema lockstep to lockstep_coupler;
grant usage on all sequences in schema lockstep to lockstep_coupler;
